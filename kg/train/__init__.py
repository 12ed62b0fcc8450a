"""Training: the loop, its log and how it resumes."""

from kg.train.loop import Interrupted, Progress, Started, Summary, train

__all__ = ["Interrupted", "Progress", "Started", "Summary", "train"]
