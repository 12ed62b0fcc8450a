"""`kg docs`."""

from importlib.resources import files
from typing import Annotated

import typer

from kg.cli.output import Json, show, show_markdown, table
from kg.errors import unknown_name

ORDER = (
    "shapes",
    "garments",
    "datasets",
    "training",
    "sweeps",
    "cluster",
    "measuring",
    "pictures",
    "python",
    "plugins",
)
"""The guides in the order in which they are read; the others follow by name."""


def docs(
    topic: Annotated[str | None, typer.Argument(help="What to read about. Without it: the topics.")] = None,
    as_json: Json = False,
) -> None:
    """Show a guide.

    kg docs              the topics
    kg docs training
    kg docs commands     every command and option
    """
    texts = topics()
    if topic is None:
        rows = [(name, _title(text)) for name, text in texts.items()]
        shown = {"topics": [{"topic": name, "title": title} for name, title in rows]}
        show(shown, as_json, table("", ("topic", "guide"), rows), "Read one: kg docs TOPIC")
        return
    if topic not in texts:
        raise unknown_name("topic", topic, texts)
    text = texts[topic]
    if as_json:
        show({"topic": topic, "title": _title(text), "text": text}, as_json)
    else:
        show_markdown(text)


def topics() -> dict[str, str]:
    """Return the guides by topic, Markdown."""
    guides = {
        file.name.removesuffix(".md"): file.read_text(encoding="utf-8")
        for file in (files("kg") / "docs").iterdir()
        if file.name.endswith(".md")
    }
    order = {name: number for number, name in enumerate(ORDER)}
    return dict(sorted(guides.items(), key=lambda each: (order.get(each[0], len(order)), each[0])))


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ")
