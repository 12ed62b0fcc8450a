"""The command reference, made from the commands themselves: `python -m kg.cli.reference` writes it.

It reads the functions and their annotations, not Typer's command objects, which differ between its versions.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from typer.models import ArgumentInfo, ParameterInfo

from kg.cli.app import app

FILE = Path(__file__).parents[1] / "docs" / "commands.md"

INTRODUCTION = """# Commands

Every command also takes `--debug`, which shows the traceback of an error. `kg COMMAND --help` shows the same
on the terminal. `python -m kg.cli.reference` writes this file.
"""

KINDS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}


def reference() -> str:
    """Return all commands with their arguments and options as Markdown."""
    commands = [
        _command(str(command.name), command.callback)
        for command in app.registered_commands
        if command.callback
    ]
    return "\n".join([INTRODUCTION, *commands])


def _command(name: str, function: Callable[..., Any]) -> str:
    summary, _, rest = (inspect.getdoc(function) or "").partition("\n\n")
    lines = [f"## kg {name}", "", " ".join(summary.split()), ""]
    if rest.strip():
        lines += ["```text", rest.strip(), "```", ""]
    parameters = inspect.signature(function).parameters.values()
    rows = [_row(parameter) for parameter in parameters if parameter.annotation is not typer.Context]
    return "\n".join([*lines, "| | |", "|---|---|", *rows, ""])


def _row(parameter: inspect.Parameter) -> str:
    assert get_origin(parameter.annotation) is Annotated
    kind, info = get_args(parameter.annotation)[:2]
    text = (info.help or "").strip()
    if (default := _default(parameter.default, info)) and "Default:" not in text:
        text += f" Default: {default}."
    return f"| `{_cell(_called(parameter.name, kind, info))}` | {_cell(text)} |"


def _called(name: str, kind: Any, info: ParameterInfo) -> str:
    value = info.metavar or _value(kind)
    if isinstance(info, ArgumentInfo):
        return info.metavar or name.upper()
    # Of what is declared in an annotation Typer takes the first name for the default.
    declared = [text for text in (info.default, *(info.param_decls or ())) if isinstance(text, str)]
    flags = ", ".join(declared or [f"--{name.replace('_', '-')}"])
    return flags if kind is bool else f"{flags} {value}"


def _value(kind: Any) -> str:
    """Return what stands for a value in the reference; of several possible types the first."""
    if get_origin(kind) in (Union, UnionType, list):
        return _value(get_args(kind)[0])
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    return KINDS.get(kind, "VALUE")


def _default(default: Any, info: ParameterInfo) -> str:
    if isinstance(info.show_default, str):
        return info.show_default
    return "" if default in (None, inspect.Parameter.empty) or isinstance(default, bool) else str(default)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
