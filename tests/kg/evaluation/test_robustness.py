import pytest

from kg.data.corruptions import CORRUPTIONS
from kg.errors import KgError
from kg.evaluation.robustness import parse_corruption


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("noise=0:0.08", [0, 0.02, 0.04, 0.06, 0.08]),
        ("noise=0:0.08:3", [0, 0.04, 0.08]),
        ("noise=0.05", [0.05]),
        ("downsample=1:16", [1, 2, 4, 8, 16]),
        ("side-view", [0, 30, 60, 90]),
    ],
)
def test_levels(text, levels):
    assert parse_corruption(text) == (text.partition("=")[0], levels)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_corruption_has_levels_of_its_own(name):
    kind = CORRUPTIONS[name]
    _, levels = parse_corruption(name)
    assert len(levels) == kind.levels[2]
    assert kind.least <= levels[0] < levels[-1] <= kind.most


@pytest.mark.parametrize(
    "text",
    [
        "noise=",
        "noise=a:b",
        "noise=1:2:3:4",
        "noise=0.08:0",
        "noise=0:2",
        "noise=0:1:0",
        "noise=0:1:1.5",
        "noise=0:1:inf",
    ],
)
def test_no_levels(text):
    with pytest.raises(KgError) as wrong:
        parse_corruption(text)
    assert "--corrupt noise=0:0.08:5" in wrong.value.hint


def test_unknown():
    with pytest.raises(KgError, match="no corruption 'occlusoin'") as wrong:
        parse_corruption("occlusoin=0:0.2")
    assert "Did you mean 'occlusion'?" in wrong.value.hint
