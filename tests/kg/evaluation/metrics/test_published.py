import pytest

from kg.evaluation.metrics.published import ABLATION, AVERAGE, DETECTORS, PUBLISHED


@pytest.mark.parametrize("metric", ["das", "miou"])
@pytest.mark.parametrize("method", DETECTORS.values())
def test_the_categories_have_the_average_that_is_published_with_them(method, metric):
    values = {
        figure.category: figure.value
        for figure in PUBLISHED
        if (figure.method, figure.data, figure.metric) == (method, "ShapeNetCoreV2", metric)
    }
    average = values.pop(AVERAGE)
    assert len(values) == 13
    # One of the paper's averages is cut off, not rounded.
    assert sum(values.values()) / 13 == pytest.approx(average, abs=0.1)


def test_the_full_method_of_the_ablation_is_that_of_the_tables():
    table = {
        (figure.method, figure.data, figure.category, figure.metric): figure.value for figure in PUBLISHED
    }
    full = [figure for figure in ABLATION if figure.method == "Key-Grid, full"]
    assert len(full) == 4
    for figure in full:
        assert table["Key-Grid", figure.data, figure.category, "das"] == figure.value


def test_every_figure_is_there_once():
    keys = [(figure.method, figure.data, figure.category, figure.metric) for figure in PUBLISHED + ABLATION]
    assert len(set(keys)) == len(keys)
