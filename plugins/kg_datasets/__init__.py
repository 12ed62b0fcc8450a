"""Data sets that come with kg, found through entry points like anyone else's."""
