from dataclasses import replace

import numpy as np
import pytest

from kg.errors import KgError
from kg.evaluation.aggregate import in_common, mean_over_runs
from kg.evaluation.metrics import Curve
from kg.evaluation.results import Result


def result(seed, shift=0.0, **changes):
    rng = np.random.default_rng(0)
    per_shape = rng.random(40) + shift
    draws = np.array(
        [per_shape[np.random.default_rng(draw).integers(40, size=40)].mean() for draw in range(200)]
    )
    made = Result(
        metric="coverage",
        values={"value": per_shape.mean()},
        units={"value": "%"},
        protocol="strict",
        split="test",
        shapes=40,
        space="normalised",
        threshold=None,
        seeds=(seed,),
        checkpoints=(f"checkpoint-{seed}",),
        reference=None,
        warnings=(),
        ids=np.arange(40).astype(str),
        per_shape={"value": per_shape},
        per_keypoint={"value": np.zeros(3)},
        curves=(Curve("c", np.arange(3.0), np.arange(3.0) + shift, "x", "y", ""),),
        draws={"value": draws},
    )
    return [replace(made, **changes)]


def test_one_run_is_left_as_it_is():
    only = result(0)
    assert mean_over_runs([only]) == only


def test_the_mean_and_what_it_is_of():
    (found,) = mean_over_runs([result(0), result(1, 0.3), result(2, 0.6)])
    first = result(0)[0]
    assert found.values["value"] == pytest.approx(first.values["value"] + 0.3)
    assert found.deviations["value"] == pytest.approx(0.3)
    assert (found.seeds, found.checkpoints[2]) == ((0, 1, 2), "checkpoint-2")
    low, high = np.percentile(first.draws["value"] + 0.3, [2.5, 97.5])
    assert found.intervals["value"] == pytest.approx((low, high))
    assert found.per_shape["value"] == pytest.approx(first.per_shape["value"] + 0.3)
    assert found.per_keypoint == {}
    assert found.curves[0].y.tolist() == pytest.approx([0.3, 1.3, 2.3])
    assert found.warnings == ()


def test_too_few_runs_and_equal_seeds_are_said():
    (found,) = mean_over_runs([result(0), result(0, 0.1, checkpoints=("other",))])
    assert found.warnings == (
        "Only 2 trainings: the protocol 'strict' asks for 3.",
        "Some of the trainings have the same seed.",
    )
    (found,) = mean_over_runs([result(0, protocol="none"), result(1, protocol="none")])
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric": "spread"}, "their data allow different metrics"),
        ({"ids": np.arange(1, 41).astype(str)}, "measured on different shapes"),
        ({"threshold": 0.2}, "measured in different ways"),
        ({"checkpoints": ("checkpoint-0",)}, "The checkpoint checkpoint-0 is given more than once"),
    ],
)
def test_what_has_no_mean(changes, message):
    with pytest.raises(KgError, match=message):
        mean_over_runs([result(0), result(1, **changes)])


def test_what_predictions_have_in_common():
    assert in_common([{"a": 1}]) == {"a": 1}
    assert in_common([{"a": 1, "b": 2}, {"a": 1, "b": 3}]) == {"a": 1, "b": [2, 3]}
