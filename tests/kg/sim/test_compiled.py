"""What numba keeps of compiled loops."""

import os
import subprocess
import sys

from kg.sim.compiled import forget_older

LOOP = "from numba import njit\n@njit(cache=True)\ndef called():\n    return {}\n"
CALLER = (
    "from numba import njit\nfrom called import called\n@njit(cache=True)\ndef calls(): return called()\n"
)


def result(folder):
    here = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    command = [sys.executable, "-c", "from calls import calls; print(calls())"]
    done = subprocess.run(command, cwd=folder, env=here, capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_a_loop_is_compiled_anew_when_one_that_it_calls_has_changed(tmp_path):
    (tmp_path / "calls.py").write_text(CALLER)
    (tmp_path / "called.py").write_text(LOOP.format(1))
    assert result(tmp_path) == 1
    kept = sorted(tmp_path.glob("__pycache__/*.nbi"))
    forget_older(tmp_path)
    assert len(kept) == 2
    assert sorted(tmp_path.glob("__pycache__/*.nbi")) == kept
    (tmp_path / "called.py").write_text(LOOP.format(2))
    later = max(file.stat().st_mtime for file in kept) + 1
    os.utime(tmp_path / "called.py", (later, later))
    forget_older(tmp_path)
    assert result(tmp_path) == 2
