"""Training: the loop, its log and how it resumes."""

from kg.train.loop import Interrupted, Progress, Summary, train

__all__ = ["Interrupted", "Progress", "Summary", "train"]
