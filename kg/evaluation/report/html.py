"""The small pieces of a report's page."""

import math
from collections.abc import Sequence
from html import escape


def number(value: float) -> str:
    """Return a figure with three digits or one decimal, "–" for one that is not finite."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def between(low_high: tuple[float, float]) -> str:
    """Return an interval."""
    return f"{number(low_high[0])}–{number(low_high[1])}"


def section(title: str, body: str, about: str = "") -> str:
    """Return a heading, a sentence about what follows, and it; texts are escaped, the body is not."""
    said = f'<p class="about">{escape(about)}</p>' if about else ""
    return f"<section><h2>{escape(title)}</h2>{said}{body}</section>"


def card(body: str, title: str = "") -> str:
    """Return something in a frame."""
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    return f'<div class="card">{heading}{body}</div>'


def grid(cards: Sequence[str]) -> str:
    """Return cards side by side, as far as there is room."""
    return f'<div class="grid">{"".join(cards)}</div>'


def folded(summary: str, body: str) -> str:
    """Return something that a reader may unfold; it is not printed."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: set[int]) -> str:
    """Return a table of texts; the columns of these numbers stand to the right."""

    def cell(tag: str, column: int, text: str) -> str:
        kind = "number" if column in numeric else "first" if column == 0 and tag == "td" else ""
        return f'<{tag} class="{kind}">{escape(text)}</{tag}>'

    def line(tag: str, texts: Sequence[str]) -> str:
        return f"<tr>{''.join(cell(tag, column, text) for column, text in enumerate(texts))}</tr>"

    body = "".join(line("td", row) for row in rows)
    return (
        f'<div class="scroll"><table><thead>{line("th", columns)}</thead><tbody>{body}</tbody></table></div>'
    )
