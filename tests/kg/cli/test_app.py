import json
import os
import subprocess
import sys

import pytest
import torch
import typer

import kg
from kg.cli.app import app, run
from kg.errors import KgError

HEAVY = ("torch", "open3d", "pyvista", "numba", "h5py")


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """Return a list; the command `kg fail` raises what is put into it."""
    errors: list[BaseException] = []

    def fail(number: int = 0) -> None:
        if errors:
            raise errors[0]

    commands = list(app.registered_commands)
    monkeypatch.setattr(app, "registered_commands", commands)
    app.command("fail")(fail)
    return errors


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KgError("There is no file x.", "Make it."), 1, ["error There is no file x.", "hint  Make it."]),
        (KgError("[bold] stays as it is."), 1, ["error [bold] stays as it is."]),
        (FileNotFoundError(2, "No such file", "x.ply"), 1, ["No such file: 'x.ply'", "--debug"]),
        (ZeroDivisionError("by zero"), 1, ["error ZeroDivisionError: by zero", "defect of kg"]),
        (MemoryError(), 1, ["error The memory is not enough: nothing more", "--batch-size"]),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
            1,
            ["error The memory is not enough: DefaultCPUAllocator", "--batch-size"],
        ),
        (torch.OutOfMemoryError("CUDA out of memory."), 1, ["error The memory is not enough: CUDA"]),
        (KeyboardInterrupt(), 130, ["Interrupted."]),
        (typer.Exit(3), 3, []),
    ],
)
def test_an_error_is_a_line_a_hint_and_an_exit_code(
    raising: list[BaseException],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    said: list[str],
) -> None:
    raising.append(error)
    assert run(["fail"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    for text in said:
        assert text in err


@pytest.mark.parametrize(
    "arguments", [["--debug", "fail"], ["fail", "--debug"], ["fail", "--number", "1", "--debug"]]
)
def test_debug_shows_the_traceback_wherever_it_stands(
    raising: list[BaseException], capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    raising.append(KgError("It broke."))
    assert run(arguments) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.rstrip().endswith("error It broke.")


def test_debug_by_variable(
    raising: list[BaseException], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KG_DEBUG", "1")
    raising.append(KgError("It broke."))
    assert run(["fail"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_success_is_zero(raising: list[BaseException]) -> None:
    assert run(["fail"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "nonsense"),
        (["fail", "--nonsense"], "--nonsense"),
        (["fail", "--number", "x"], "valid integer"),
        (["fail", "too", "many"], "too many"),
    ],
)
def test_wrong_usage_is_two_and_points_to_the_help(
    raising: list[BaseException], capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "See: kg " in err
    assert "--help" in err


def test_warnings_are_one_line_on_stderr(
    raising: list[BaseException], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import warnings

    def warn() -> None:
        warnings.warn("Careful with [x].", stacklevel=1)

    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    app.command("warn")(warn)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run(["warn"]) == 0
    assert capsys.readouterr() == ("", "warning Careful with [x].\n")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"kg {kg.__version__}\n"


def names() -> list[str]:
    return [command.name or "" for command in app.registered_commands]


@pytest.mark.parametrize("name", names())
def test_every_command_explains_itself_with_an_example_and_speaks_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shown = {}
    for columns in (80, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert run([name, "--help"]) == 0
        shown[columns] = capsys.readouterr().out
    assert "--json" in shown[80]
    texts = {columns: out.partition("Usage")[2].partition("╭")[0] for columns, out in shown.items()}
    examples = {
        columns: [line.strip() for line in text.splitlines()[1:] if line.strip().startswith("kg ")]
        for columns, text in texts.items()
    }
    assert any(line.startswith(f"kg {name}") for line in examples[80])
    assert examples[80] == examples[200], "an example does not fit a terminal of 80 columns"


def test_help_imports_nothing_heavy() -> None:
    """In a process of its own: here everything is imported already."""
    code = (
        "import json, sys\n"
        "from kg.cli.app import app, run\n"
        "codes = [run([*words, '--help']) for words in [[], *([c.name] for c in app.registered_commands)]]\n"
        "print('\\n' + json.dumps([codes, sorted(sys.modules)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    codes, modules = json.loads(done.stdout.splitlines()[-1])
    assert set(codes) == {0}
    assert [name for name in HEAVY if name in modules] == []


def test_a_reader_that_goes_away_is_no_error_to_report() -> None:
    read, write = os.pipe()
    os.close(read)
    code = "import sys; from kg.cli.app import run; sys.exit(run(['list', '--json']))"
    done = subprocess.run(
        [sys.executable, "-u", "-c", code], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "error" not in done.stderr
