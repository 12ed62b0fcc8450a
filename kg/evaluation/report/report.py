"""A report as one HTML file: no script, nothing from a network."""

from html import escape
from pathlib import Path

from kg import paths
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


def write_report(path: Path, subject: Subject) -> None:
    """Write a report, whole or not at all.

    Raises:
        KgError: A shape cannot be drawn.
    """
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
