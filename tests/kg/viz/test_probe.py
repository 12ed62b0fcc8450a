import os
import sys
from pathlib import Path

import pytest

from kg import paths
from kg.viz import probe

YES, NO, CRASH = "raise SystemExit(0)", "raise SystemExit(1)", "import os; os.kill(os.getpid(), 11)"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KG_HOME", str(tmp_path))
    monkeypatch.delenv(probe.WINDOW_CLASS, raising=False)
    return tmp_path


def test_a_crash_of_the_other_process_is_a_no_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PROGRAM", CRASH)
    assert probe.renders() is False


def test_a_probe_that_hangs_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PROGRAM", "import time; time.sleep(60)")
    monkeypatch.setattr(probe, "SECONDS", 0.2)
    assert probe.renders() is False


def test_a_yes_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PROGRAM", YES)
    assert probe.renders() is True
    monkeypatch.setattr(probe, "PROGRAM", NO)
    assert probe.renders() is True


def test_a_no_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PROGRAM", NO)
    assert probe.renders() is False
    monkeypatch.setattr(probe, "PROGRAM", YES)
    assert probe.renders() is True


def test_another_version_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PROGRAM", YES)
    assert probe.renders() is True
    monkeypatch.setattr(probe, "version", lambda package: "0.0")
    monkeypatch.setattr(probe, "PROGRAM", NO)
    assert probe.renders() is False


def test_a_broken_record_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    record = paths.home() / "cache" / "viz-renders.json"
    record.parent.mkdir(parents=True)
    record.write_text("{")
    monkeypatch.setattr(probe, "PROGRAM", YES)
    assert probe.renders() is True


def test_a_folder_that_cannot_be_written_costs_only_the_memory(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "cache").write_text("in the way")
    monkeypatch.setattr(probe, "PROGRAM", YES)
    assert probe.renders() is True


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="EGL is asked for on Linux alone")
def test_egl_is_asked_for_while_needed_and_never_against_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    with probe.headless():
        assert os.environ[probe.WINDOW_CLASS] == "vtkEGLRenderWindow"
    assert probe.WINDOW_CLASS not in os.environ
    monkeypatch.setenv(probe.WINDOW_CLASS, "vtkOSOpenGLRenderWindow")
    with probe.headless():
        assert os.environ[probe.WINDOW_CLASS] == "vtkOSOpenGLRenderWindow"
    assert probe.WINDOW_CLASS in os.environ


def test_a_display_is_what_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not probe.has_display()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert probe.has_display()
    monkeypatch.delenv("WAYLAND_DISPLAY")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert probe.has_display()
