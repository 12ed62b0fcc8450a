"""metrics.jsonl and TensorBoard: one entry an epoch, the same numbers in both."""

import json
from pathlib import Path
from types import TracebackType

from torch.utils.tensorboard import SummaryWriter


class Log:
    """Appends to a run's metrics; closes both files at the end of a `with` block.

    Args:
        run: The run folder.
        epochs: Epochs that are done; later entries, of an attempt that was cut short, are dropped.
    """

    def __init__(self, run: Path, epochs: int) -> None:
        self._path = run / "metrics.jsonl"
        kept = read_metrics(run)[:epochs]
        self._path.write_text("".join(json.dumps(entry) + "\n" for entry in kept))
        self._file = self._path.open("a")
        self._board = SummaryWriter(run / "tensorboard", purge_step=epochs + 1)

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


def read_metrics(run: Path) -> list[dict[str, float]]:
    """Return the entries of a run's metrics.jsonl; a last line that was cut short is left out."""
    path = run / "metrics.jsonl"
    if not path.is_file():
        return []
    entries = []
    for line in path.read_text().splitlines():
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return entries
