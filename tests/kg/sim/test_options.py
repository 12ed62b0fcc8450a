"""Options of motions as they are typed."""

import pytest

from kg import plugins
from kg.errors import KgError
from kg.sim.options import deformation, options


def test_options_are_read_from_text():
    how, cloth = deformation("drag", {"turns": "4", "lift": "0.1", "bend": "1e-4"})
    assert (how.turns, how.lift, cloth.bend) == (4, 0.1, 1e-4)
    assert {"turns", "bend", "step"} <= options(plugins.DEFORMATIONS.load("drag")).keys()


def test_options_count_together_in_whatever_order():
    """Both are above the usual range of heights, 0.1 to 0.6."""
    for names in (("lowest", "highest"), ("highest", "lowest")):
        how, _ = deformation("drop", {name: {"lowest": "0.8", "highest": "1"}[name] for name in names})
        assert (how.lowest, how.highest) == (0.8, 1)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("twist", {}, "no deformation 'twist'"),
        ("fold", {"turns": "1"}, "no option of fold 'turns'"),
        ("drag", {"turns": "1.5"}, "cannot be '1.5'"),
        ("drop", {"spin": "fast"}, "cannot be 'fast'"),
        ("drop", {"bend": "-1"}, "bend above 0"),
        ("drop", {"seconds": "0"}, "drop needs seconds above 0"),
        ("drop", {"lowest": "0.7"}, "lowest of at most highest, 0.6"),
        ("drag", {"winding": "nan"}, "winding of at least 0, not nan"),
        ("drag", {"stretch": "inf"}, "stretch above 0, not inf"),
        ("fold", {"folds": "0"}, "folds above 0"),
        ("fold", {"coarse": "0.5"}, "coarse from 1 to 3, not 0.5"),
        ("fold", {"coarse": "4"}, "coarse from 1 to 3, not 4"),
    ],
)
def test_what_is_no_option_is_refused(name, given, message):
    with pytest.raises(KgError, match=message):
        deformation(name, given)
