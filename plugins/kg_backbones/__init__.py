"""The backbones that come with kg."""
