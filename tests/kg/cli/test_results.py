"""Tables of results."""

import math

import pytest

from kg.cli.results import thirds_tables
from kg.evaluation.metrics import METRICS
from kg.evaluation.results import Result


@pytest.mark.parametrize(("first", "shown"), [(2.5, 1), (math.nan, 0)])
def test_thirds_are_shown_of_sequences_alone(first: float, shown: int) -> None:
    units = dict(METRICS["correspondence"].units)
    values = dict.fromkeys(units, 5.0) | {name: first for name in units if name.endswith("first third")}
    result = Result(
        "correspondence", values, units, "strict", "test", 7, "at rest", None, (0,), ("c",), None, ()
    )
    tables = thirds_tables([result], [])
    assert len(tables) == shown
    assert all(table.row_count == len(METRICS["correspondence"].whole) for table in tables)
