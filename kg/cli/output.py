"""Results on stdout, everything else on stderr.

Names of files, ids and what plugins say are strangers' texts: all is printed as it is, no markup in it is
obeyed, and what a terminal would obey is written out by its code.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console, RenderableType
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
from rich.text import Text

from kg.errors import printable

SAID_EVERY = 30.0
"""Seconds between lines of progress where stderr is no terminal."""

KINDS = {
    "error": "bold red",
    "hint": "bold",
    "warning": "yellow",
    "note": "yellow",
    "done": "green",
    "failed": "red",
}
"""What a line may begin with, and its style."""
NUMBER = re.compile(r"[-+±]?\d[\d.,:%e+–/-]*")
"""A word that is a number, or some: folded, it would read as others."""
WORD = 6
"""So much of a word is left in one line, at least."""

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


def _stdout() -> Console:
    return Console(soft_wrap=True, highlight=False)


def _stderr() -> Console:
    return Console(stderr=True, soft_wrap=True, highlight=False)


def is_terminal() -> bool:
    """Tell whether a person watches stderr, so that progress bars are shown."""
    return _stderr().is_terminal


def show(result: Mapping[str, Any], as_json: bool, *renderables: RenderableType) -> None:
    """Print a command's result: the mapping as JSON, or texts and tables for a person."""
    if as_json:
        typer.echo(json.dumps(result, indent=2, default=str))
        return
    console = _stdout()
    for renderable in renderables:
        console.print(plain(renderable) if isinstance(renderable, str) else renderable)


def show_markdown(text: str) -> None:
    """Print a text: rendered for a person, as it is into a file or a pipe."""
    # Wrapped, unlike results: a line of code that is cut off cannot be copied.
    console = Console(highlight=False)
    if not console.is_terminal:
        typer.echo(text)
        return
    from rich.markdown import Markdown

    console.print(Markdown(text))


def plain(text: str, style: str = "") -> Text:
    """Return a text of some lines as it is, with what a terminal would obey written out."""
    return Text("\n".join(map(printable, text.split("\n"))), style)


def note(text: str, kind: str = "") -> None:
    """Say something on the way, on stderr; of one of the `KINDS`, if it is any."""
    begin = (f"{kind:5} ", KINDS[kind]) if kind else ""
    _stderr().print(Text.assemble(begin, plain(text)))


def complain(message: str, hint: str = "") -> None:
    """Report an error as one line, and what to do about it as a second."""
    note(message, "error")
    if hint:
        note(hint, "hint")


def counted(number: int, what: str) -> str:
    """Return how many there are, as people say it: "1 epoch", "2,000 epochs"."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, whole: Sequence[str] = ()
) -> Table:
    """Return a plain table; numbers stand to the right.

    In a narrow terminal texts are folded, numbers and the columns that are to be `whole` are not: what has no
    room then goes on in the next line of the terminal.
    """
    made = Table(
        title=plain(title) if title else None,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
    )
    cells = [[f"{value:.4g}" if isinstance(value, float) else str(value) for value in row] for row in rows]
    for number, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[number], int | float) for row in rows)
        texts = [row[number] for row in cells]
        if column in whole:
            kept = [line for text in (column, *texts) for line in text.split("\n")]
        else:
            words = [word for text in (column, *texts) for word in text.split()]
            kept = [word if NUMBER.fullmatch(word) else word[:WORD] for word in words]
        # Folded, not cut off: a name in a table is there to be copied.
        made.add_column(
            plain(column),
            justify="right" if numeric else "left",
            header_style="dim",
            overflow="fold",
            min_width=max(map(cell_len, kept), default=None),
        )
    for row in cells:
        made.add_row(*map(plain, row))
    return made


@contextmanager
def progress(description: str, of_bytes: bool = False) -> Iterator[Callable[..., None]]:
    """Show a bar on stderr while the block runs; where that is no terminal, a line every half minute.

    The line comes however long a single step takes. Numbers are counts, or bytes with their rate.

    Yields a function to call with (done, total), and with `text=` for what stands after the bar.
    """
    console = _stderr()
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=28),
        *((DownloadColumn(), TransferSpeedColumn()) if of_bytes else (MofNCompleteColumn(),)),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = bar.add_task(description, total=None, text="")

    def advance(done: int, total: int, text: str | None = None) -> None:
        bar.update(task, completed=done, total=total)
        if text is not None:
            bar.update(task, text=text)

    ended = threading.Event()

    def say_where() -> None:
        while not ended.wait(SAID_EVERY):
            now = bar.tasks[task]
            share = "begun" if now.total is None else f"{now.completed:,.0f} of {now.total:,.0f}"
            share += " bytes" if of_bytes and now.total is not None else ""
            note(f"{description}: {share} {now.fields['text']}".rstrip())

    speaker = threading.Thread(target=say_where, daemon=True)
    if bar.disable:
        speaker.start()
    try:
        with bar:
            yield advance
    finally:
        ended.set()
        if bar.disable:
            speaker.join()
