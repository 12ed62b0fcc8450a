"""A report of an evaluation: one HTML file that needs nothing beside it."""

from kg.evaluation.report.report import check_report, write_report
from kg.evaluation.report.subject import Subject

__all__ = ["Subject", "check_report", "write_report"]
