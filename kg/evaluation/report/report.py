"""A report as one HTML file: no script, nothing from a network."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from kg import paths
from kg.errors import KgError
from kg.evaluation.evaluation import Evaluation
from kg.evaluation.report import background, measured
from kg.evaluation.report.subject import Subject


def check_report(path: Path) -> None:
    """Check the name of a report's file before anything that takes time.

    Raises:
        KgError: It is no .html file.
    """
    if path.suffix != ".html":
        raise KgError(f"A report is an .html file, not '{path.suffix}'.", "For example: --report out.html")


def write_report(path: Path | str, evaluation: Evaluation) -> None:
    """Write a report, whole or not at all.

    Raises:
        KgError: A shape cannot be drawn.
    """
    subject = Subject.of(evaluation)
    # What stands in a page is escaped, but for charts, which are made here.
    templates = Environment(
        loader=PackageLoader("kg.evaluation.report"), autoescape=True, undefined=StrictUndefined
    )
    page = templates.get_template("report.html").render(measured.told(subject) | background.told(subject))
    with paths.replacing(path) as temporary:
        temporary.write_text(page + "\n", encoding="utf-8")
