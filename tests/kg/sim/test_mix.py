"""Several motions in one data set."""

import numpy as np
import pytest

from kg import plugins
from kg.errors import KgError
from kg.sim.mix import mix


def test_a_motion_is_drawn_as_often_as_its_share_says():
    motions = mix("drop,fold,drag", {"share.fold": "2", "share.drag": "0"})
    drawn = [motions.drawn(np.random.default_rng(seed))[0].name for seed in range(600)]
    assert motions.name == "drop-fold-drag"
    assert set(drawn) == {"drop", "fold"}
    assert drawn.count("fold") / len(drawn) == pytest.approx(2 / 3, abs=0.06)


def test_nothing_is_drawn_of_one_motion_alone():
    rng = np.random.default_rng(0)
    how, _ = mix("hang", {}).drawn(rng)
    assert how.name == "hang"
    assert rng.random() == np.random.default_rng(0).random()


def test_all_are_all_that_are_simulated():
    motions = mix("all", {})
    assert motions.name == "all"
    working = {plugin.name for plugin in plugins.DEFORMATIONS.all() if not plugin.problem}
    assert {how.name for how, _ in motions.motions} == working - {"billow", "origami"}


def test_an_option_counts_for_each_motion_that_has_it():
    motions = mix("drop,fold", {"folds": "1", "bend": "1e-4"})
    (drop, of_drop), (fold, of_fold) = motions.motions
    assert fold.folds == 1
    assert of_drop.bend == of_fold.bend == 1e-4
    described = motions.described()
    assert described["motions"]["fold"]["folds"] == 1
    assert "folds" not in described["motions"]["drop"]
    assert mix("drop", {}).described()["spin"] == drop.spin


def test_options_that_came_later_are_recorded_only_where_they_say_something():
    assert "fabric" not in mix("drop", {}).described()
    assert "style" not in mix("fold", {}).described()
    described = mix("fold", {"fabric": "silk", "style": "middle", "density": "0.3"})
    assert described.described()["fabric"] == "silk"
    assert described.described()["style"] == "middle"
    assert "density" in described.fixed
    assert {"hem", "together"}.isdisjoint(mix("fold", {}).described())
    assert mix("drag", {"hem": "0.02", "two": "0.5"}).described().items() >= {"hem": 0.02, "two": 0.5}.items()
    assert mix("hanger", {}).described()["together"] is True


@pytest.mark.parametrize(
    ("names", "given", "message"),
    [
        ("drop,twist", {}, "no deformation 'twist'"),
        ("drop,fold", {"turns": "1"}, "no option of drop,fold 'turns'"),
        ("drop,fold", {"share.drag": "1"}, "no motion of this mix 'drag'"),
        ("drop,fold", {"share.drop": "-1"}, "'share.drop' cannot be '-1'"),
        ("drop,fold", {"share.drop": "much"}, "'share.drop' cannot be 'much'"),
        ("drop", {"share.drop": "0"}, "No motion has a share"),
    ],
)
def test_what_makes_no_mix_is_refused(names, given, message):
    with pytest.raises(KgError, match=message):
        mix(names, given)
