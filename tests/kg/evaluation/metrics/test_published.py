import pytest

from kg.evaluation.metrics.published import ABLATION, AVERAGE, DETECTORS, PUBLISHED


@pytest.mark.parametrize("metric", ["das", "miou"])
@pytest.mark.parametrize("method", DETECTORS.values())
def test_the_categories_have_the_average_that_is_published_with_them(method, metric):
    values = {
        result.category: result.value
        for result in PUBLISHED
        if (result.method, result.data, result.metric) == (method, "ShapeNetCoreV2", metric)
    }
    average = values.pop(AVERAGE)
    assert len(values) == 13
    # One of the paper's averages is cut off, not rounded.
    assert sum(values.values()) / 13 == pytest.approx(average, abs=0.1)


def test_the_full_method_of_the_ablation_is_that_of_the_tables():
    table = {
        (result.method, result.data, result.category, result.metric): result.value for result in PUBLISHED
    }
    full = [result for result in ABLATION if result.method == "Key-Grid, full"]
    assert len(full) == 4
    for result in full:
        assert table["Key-Grid", result.data, result.category, "das"] == result.value


def test_every_figure_is_there_once():
    keys = [(result.method, result.data, result.category, result.metric) for result in PUBLISHED + ABLATION]
    assert len(set(keys)) == len(keys)
