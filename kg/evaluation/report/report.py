"""A report as one HTML file: no script, nothing from a network."""

from html import escape
from pathlib import Path

from kg import paths
from kg.errors import KgError
from kg.evaluation.evaluation import Evaluation
from kg.evaluation.report import background, measured
from kg.evaluation.report.style import STYLE
from kg.evaluation.report.subject import Subject

SECTIONS = (
    measured.head,
    measured.figures,
    measured.shapes,
    measured.keypoints,
    measured.curves,
    measured.robustness,
    measured.heatmap,
    background.training,
    background.configuration,
    background.provenance,
)


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
    body = "\n".join(part for section in SECTIONS if (part := section(subject)))
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(measured.title(subject))}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
    with paths.replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
