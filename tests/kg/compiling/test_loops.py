"""Loops that are compiled once, by whoever comes first, and never run as what they were before."""

import os
import subprocess
import sys

import pytest

LOOPS = """
from kg.compiling import compiled
from pack.sizes import SIZE

@compiled()
def called():
    return SIZE

@compiled()
def calls():
    return called() + 1
"""
COMMAND = [sys.executable, "-c", "from pack.loops import calls; print(calls())"]


@pytest.fixture
def package(tmp_path):
    """Return the folder of a package with two loops, one of which calls the other, and a constant of 1."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "loops.py").write_text(LOOPS)
    (tmp_path / "pack" / "sizes.py").write_text("SIZE = 1")
    return tmp_path


def started(package, **variables):
    folders = {"NUMBA_CACHE_DIR": str(package / "kept"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**os.environ, **folders, **variables}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(COMMAND, cwd=package, env=environment, text=True, **pipes)


def finished(process):
    said, notes = process.communicate(timeout=300)
    assert process.returncode == 0, notes
    return int(said), notes


def test_a_loop_is_compiled_anew_when_a_constant_from_another_module_has_changed(package):
    result, notes = finished(started(package))
    assert result == 2
    assert notes.count("Compiling") == 1
    assert "the first time" in notes
    assert finished(started(package)) == (2, "")
    (package / "pack" / "sizes.py").write_text("SIZE = 4")
    result, notes = finished(started(package))
    assert result == 5
    assert "Compiling" in notes


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("left", [0, 0.5])
def test_what_was_emptied_or_cut_is_compiled_anew(package, suffix, left):
    finished(started(package))
    kept = list(package.glob(f"kept/**/*.{suffix}"))
    assert len(kept) == 2
    for file in kept:
        content = file.read_bytes()
        file.write_bytes(content[: int(left * len(content))])
    result, notes = finished(started(package))
    assert result == 2
    assert "Compiling" in notes
    assert finished(started(package)) == (2, "")


def test_where_nothing_can_be_written_it_is_compiled_each_time_and_the_way_out_is_said(package):
    (package / "file").touch()
    nowhere = str(package / "file" / "below")
    result, notes = finished(started(package, NUMBA_CACHE_DIR="", KG_HOME=nowhere, XDG_CACHE_HOME=nowhere))
    assert result == 2
    assert "each time: set KG_HOME" in notes
    assert not list(package.glob("pack/__pycache__/*.nb?"))


def test_the_folder_is_kgs_own_or_else_the_users(package):
    (package / "file").touch()
    finished(started(package, NUMBA_CACHE_DIR="", KG_HOME=str(package / "home")))
    assert len(list(package.glob("home/cache/loops/loops-*/*/*.nbi"))) == 2
    home = {"KG_HOME": str(package / "file" / "below"), "XDG_CACHE_HOME": str(package / "user")}
    finished(started(package, NUMBA_CACHE_DIR="", **home))
    assert len(list(package.glob("user/kg/loops/loops-*/*/*.nbi"))) == 2


def test_of_two_processes_one_compiles(package):
    both = [started(package), started(package)]
    answers = [finished(process) for process in both]
    assert [result for result, _ in answers] == [2, 2]
    assert sum("Compiling" in notes for _, notes in answers) == 1
