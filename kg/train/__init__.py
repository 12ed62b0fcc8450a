"""Training: its configuration, the loop, its log and how it resumes."""

from kg.train.basis import Basis, resumed_config
from kg.train.loop import Interrupted, Progress, Started, Summary, train
from kg.train.runs import new_run

__all__ = ["Basis", "Interrupted", "Progress", "Started", "Summary", "new_run", "resumed_config", "train"]
