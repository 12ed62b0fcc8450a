"""metrics.jsonl and TensorBoard: one entry an epoch, the same numbers in both."""

import json
from pathlib import Path
from types import TracebackType

from torch.utils.tensorboard import SummaryWriter

from kg import paths
from kg.train.runs import read_metrics


class Log:
    """Appends to a run's metrics; closes both files at the end of a `with` block.

    Args:
        run: The run folder.
        epochs: Epochs that are done; later entries, of an attempt that was cut short, are dropped.
        last: The entry of the last of them, written where an attempt was cut short before that.
    """

    def __init__(self, run: Path, epochs: int, last: dict[str, float]) -> None:
        path = run / "metrics.jsonl"
        kept = [entry for entry in read_metrics(run) if entry["epoch"] <= epochs]
        with paths.replacing(path) as temporary:
            temporary.write_text("".join(json.dumps(entry) + "\n" for entry in kept))
        self._file = path.open("a")
        self._board = SummaryWriter(run / "tensorboard", purge_step=epochs + 1)
        if last and last["epoch"] not in [entry["epoch"] for entry in kept]:
            self.write(last)

    def __enter__(self) -> "Log":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._board.close()

    def write(self, entry: dict[str, float]) -> None:
        """Append an entry; `epoch` is its step in TensorBoard."""
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()
        for name, value in entry.items():
            if name != "epoch":
                self._board.add_scalar(name, value, int(entry["epoch"]))
