import matplotlib.image
import numpy as np
import pytest

from kg.errors import KgError
from kg.evaluation.curves import check_plot, draw_curves
from kg.evaluation.metrics import Curve


def curve(name, unit="%", x=(0.0, 0.1, 0.2)):
    return Curve(name, np.array(x), np.linspace(90, 10, len(x)), "level", name, "normalised", unit)


PANELS = [
    [[curve("das"), curve("coverage")], [curve("das", x=(1.0, 4.0, 16.0))]],
    [[curve("spread", "% of x")]],
]


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_a_plot_is_the_same_every_time(tmp_path, suffix):
    for name in ("a", "b"):
        draw_curves(tmp_path / f"{name}{suffix}", PANELS, "a caption " * 40)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_plot_has_its_words_and_curves(tmp_path):
    draw_curves(tmp_path / "a.svg", PANELS, "forty shapes")
    text = (tmp_path / "a.svg").read_text()
    for word in ("forty shapes", "coverage", "spread", "level (normalised)"):
        assert f"<!-- {word} -->" in text
    draw_curves(tmp_path / "a.png", PANELS, "forty shapes")
    assert matplotlib.image.imread(tmp_path / "a.png").std() > 0.05


def test_what_the_curves_are_is_said_once(tmp_path):
    both = [curve("das"), curve("coverage")]
    draw_curves(tmp_path / "a.svg", [[both, both], [both]], "")
    assert (tmp_path / "a.svg").read_text().count("<!-- coverage -->") == 1


def test_an_undefined_value_is_a_gap(tmp_path):
    gap = Curve("das", np.arange(3.0), np.array([1.0, np.nan, 2.0]), "level", "das", "", "% of x")
    draw_curves(tmp_path / "a.png", [[[gap]]], "")
    nothing = Curve("das", np.arange(3.0), np.full(3, np.nan), "level", "das", "", "% of x")
    draw_curves(tmp_path / "b.png", [[[nothing]]], "")


def test_a_file_that_cannot_be_drawn(tmp_path):
    with pytest.raises(KgError, match=r"it has to be \.png, \.svg, \.pdf"):
        check_plot(tmp_path / "a.jpg")
