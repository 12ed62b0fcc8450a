"""Many trainings from one command: planned, done side by side, taken up again, and summed up."""
