"""The detector at work: on clouds, files and stores; and the predictions file."""
