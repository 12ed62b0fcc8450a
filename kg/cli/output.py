"""Results on stdout, everything else on stderr."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

SAID_EVERY = 30.0
"""Seconds between lines of progress where stderr is no terminal."""

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


def _stdout() -> Console:
    return Console(soft_wrap=True, highlight=False)


def _stderr() -> Console:
    return Console(stderr=True, soft_wrap=True, highlight=False)


def is_terminal() -> bool:
    """Tell whether a person watches stderr, so that progress bars are shown."""
    return _stderr().is_terminal


def show(result: Mapping[str, Any], as_json: bool, *renderables: RenderableType) -> None:
    """Print a command's result: the mapping as JSON, or the renderables for a person."""
    if as_json:
        typer.echo(json.dumps(result, indent=2, default=str))
        return
    console = _stdout()
    for renderable in renderables:
        console.print(renderable)


def show_markdown(text: str) -> None:
    """Print a text: rendered for a person, as it is into a file or a pipe."""
    # Wrapped, unlike results: a line of code that is cut off cannot be copied.
    console = Console(highlight=False)
    if not console.is_terminal:
        typer.echo(text)
        return
    from rich.markdown import Markdown

    console.print(Markdown(text))


def note(text: str) -> None:
    """Say something on the way, on stderr; rich markup is taken."""
    _stderr().print(text)


def complain(message: str, hint: str = "") -> None:
    """Report an error as one line, and what to do about it as a second."""
    console = _stderr()
    console.print(f"[bold red]error[/] {escape(message)}")
    if hint:
        console.print(f"[bold]hint[/]  {escape(hint)}")


def counted(number: int, what: str) -> str:
    """Return how many there are, as people say it: "1 epoch", "2,000 epochs"."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """Return a plain table; numbers stand to the right."""
    made = Table(title=title or None, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[number], int | float) for row in rows)
        # Folded, not cut off: a name in a table is there to be copied.
        made.add_column(column, justify="right" if numeric else "left", header_style="dim", overflow="fold")
    for row in rows:
        made.add_row(*(f"{value:.4g}" if isinstance(value, float) else escape(str(value)) for value in row))
    return made


@contextmanager
def progress(description: str, of_bytes: bool = False) -> Iterator[Callable[..., None]]:
    """Show a bar on stderr while the block runs; where that is no terminal, a line every half minute.

    Numbers are counts, or bytes with their rate.

    Yields a function to call with (done, total), and with `text=` for what stands after the bar.
    """
    console = _stderr()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        *((DownloadColumn(), TransferSpeedColumn()) if of_bytes else (MofNCompleteColumn(),)),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    said = time.monotonic()
    with bar:
        task = bar.add_task(description, total=None, text="")

        def advance(done: int, total: int, text: str | None = None) -> None:
            nonlocal said
            bar.update(task, completed=done, total=total)
            if text is not None:
                bar.update(task, text=text)
            if bar.disable and time.monotonic() - said >= SAID_EVERY:
                said = time.monotonic()
                share = f"{done:,} of {total:,}" + (" bytes" if of_bytes else "")
                note(escape(f"{description}: {share} {text or ''}".rstrip()))

        yield advance
