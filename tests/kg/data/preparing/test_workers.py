"""Several processes make what one makes, and end with their parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kg import paths, plugins
from kg.data import PrepareOptions
from kg.data.preparing.plan import make_plan
from kg.data.preparing.prepare import Prepared, prepare
from kg.data.preparing.workers import take
from kg.errors import KgError


@pytest.fixture
def raw(odd: Path) -> Path:
    return odd


def run(raw: Path, workers: int, variant: str = "v", *, strict: bool = False) -> Prepared:
    return prepare(
        make_plan(
            plugins.DATASETS.load("odd")(),
            "c",
            raw,
            PrepareOptions(points=32),
            variant=variant,
            strict=strict,
        ),
        workers=workers,
    )


def test_the_same_bytes_from_one_process_and_from_three(raw: Path) -> None:
    (raw / "s7").write_text("raise KgError('torn')")
    one, three = run(raw, 1, "one"), run(raw, 3, "three")
    assert three.store.checksum == one.store.checksum
    assert three.skipped == one.skipped == [("s7", "torn")]
    first, second = one.store.read(), three.store.read()
    assert first.ids == second.ids
    assert first.rest_positions is not None
    assert second.rest_positions is not None
    assert first.rest_positions.tobytes() == second.rest_positions.tobytes()
    assert not list(one.store.path.parent.glob(".*.parts"))


def test_processes_share_the_threads(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    (raw / "s9").write_text("raise KgError('threads: ' + os.environ['OMP_NUM_THREADS'])")
    assert run(raw, 2).skipped == [("s9", "threads: 2")]
    assert os.environ["OMP_NUM_THREADS"] == "5"


@pytest.mark.parametrize(
    ("happens", "strict", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", False, "was killed while it made s9: .* short of memory"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", False, "died by SIGSEGV while it made s9"),
        ("os._exit(3)", False, "exit code 3 while it made s9"),
        ("1 / 0", False, "odd failed at s9: ZeroDivisionError"),
        ("raise OSError(28, 'No space left on device')", False, "odd failed at s9: OSError"),
        ("raise KgError('torn')", True, "s9: torn"),
    ],
)
def test_what_goes_wrong_in_a_worker_is_one_line(raw: Path, happens: str, strict: bool, said: str) -> None:
    (raw / "s9").write_text(happens)
    with pytest.raises(KgError, match=said) as caught:
        run(raw, 2, strict=strict)
    assert not paths.store("odd", "c", "v").exists()
    if "ZeroDivision" in said:
        # With --debug the traceback tells of the worker's own frames.
        assert any("odd_set.py" in note for note in caught.value.__notes__)
    (raw / "s9").unlink()
    assert run(raw, 1).store.checksum == run(raw, 1, "whole").store.checksum


def test_a_data_set_that_cannot_travel(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = plugins.DATASETS.load("odd")()
    dataset.open_file = lambda: None  # type: ignore[attr-defined]
    with pytest.raises(KgError, match="'odd' cannot be sent to another process") as caught:
        prepare(make_plan(dataset, "c", raw, PrepareOptions(points=32)), workers=2)
    assert "--workers 1" in caught.value.hint


PROGRAM = """
import sys
from pathlib import Path
from kg import plugins
from kg.data import PrepareOptions
from kg.data.preparing import prepare as module
from kg.data.preparing.plan import make_plan

if __name__ == "__main__":
    module.PATIENCE = 0.0
    options = PrepareOptions(points=32)
    plan = make_plan(plugins.DATASETS.load("odd")(), "c", Path(sys.argv[1]), options, variant="v")
    module.prepare(plan, workers=2)
"""


def test_killed_workers_go_with_it_and_the_next_goes_on(raw: Path, tmp_path: Path) -> None:
    # Its first shapes are done at once; the others are never, so that it is killed while both are at work.
    for number in range(1, 40):
        (raw / f"s{number}").write_text(
            f"open(os.path.join({str(raw)!r}, f'pid-{{os.getpid()}}'), 'w')\n"
            f"time.sleep({0 if number < 8 else 3600})"
        )
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    site, before = str(tmp_path / "site" / "odd"), os.environ.get("PYTHONPATH")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([site, before] if before else [site])}
    with subprocess.Popen([sys.executable, str(program), str(raw)], env=environment) as process:
        parts = paths.store("odd", "c", "v").with_name(".v.parts")
        # What is half-written begins with a dot.
        wait_for(lambda: len(list(raw.glob("pid-*"))) == 2 and len(list(parts.glob("0*.npz"))) > 1)
        process.send_signal(signal.SIGKILL)
    pids = [int(path.name[4:]) for path in raw.glob("pid-*")]
    wait_for(lambda: not any(is_alive(pid) for pid in pids))
    for path in raw.iterdir():
        path.unlink()
    told: list[tuple[int, int]] = []
    made = prepare(
        make_plan(plugins.DATASETS.load("odd")(), "c", raw, PrepareOptions(points=32), variant="v"),
        progress=lambda *values: told.append(values),
    )
    assert told[0][0] > 1
    assert made.store.checksum == run(raw, 1, "whole").store.checksum


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait, for as long as a busy machine may take: what never happens fails after that."""
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except OSError:
        return False


def test_shapes_are_shared_out_in_smaller_and_smaller_lots() -> None:
    left = [range(10, 300), range(400, 410)]
    taken = []
    while left:
        taken.append(take(left, 2))
    assert [number for lot in taken for number in lot] == [*range(10, 300), *range(400, 410)]
    assert len(taken[0]) == 300 // 8
    assert len(taken[-1]) == 1


def test_a_workers_lot_ends_with_an_object() -> None:
    left, taken = [range(3, 100)], []
    while left:
        taken.append(take(left, 2, [str(number // 10) for number in range(100)]))
    assert [number for lot in taken for number in lot] == [*range(3, 100)]
    assert all(lot.stop % 10 == 0 for lot in taken)
    assert len(taken) > 3
