import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from kg.locks import locked

HOLD = """
import sys, time
from pathlib import Path
from kg.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_at_a_time_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / ".x.lock"
    inside, most, waits = 0, 0, []

    def work() -> None:
        nonlocal inside, most
        for _ in range(3):
            with locked(path, lambda: waits.append(1)):
                inside += 1
                most = max(most, inside)
                time.sleep(0.02)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert waits
    assert list(path.parent.iterdir()) == []


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        waits: list[int] = []
        threading.Timer(0.3, process.send_signal, [signal.SIGKILL]).start()
        with locked(path, lambda: waits.append(1)):
            pass
        assert waits == [1]
    assert not path.exists()
