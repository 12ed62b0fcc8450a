"""What a sweep trains, and what its runs and rows are called."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from kg.data.store import Store, write_store
from kg.errors import KgError
from kg.sweep.plan import plan_jobs, plan_methods, usual_metrics


def labels(**given):
    said = {"presets": ["kg"], "varied": [], "without": [], "common": {}} | given
    return [method.label for method in plan_methods(**said)]


def test_every_combination_is_a_method():
    varied = [("sigma", "0.05"), ("sigma", "0.2"), ("grid", "8,8,8"), ("grid", "16,16,8")]
    methods = plan_methods(["kg", "release"], varied, ["none", "heatmap"], {"epochs": "20"})
    assert len(methods) == len({method.slug for method in methods}) == 2 * 4 * 2
    last = methods[-1]
    assert last.recipe.options == {"epochs": "20", "sigma": "0.2", "grid": "16,16,8"}
    assert (last.recipe.preset, last.recipe.without) == ("release", ("heatmap",))
    assert "," not in last.slug


def test_a_row_is_called_by_what_sets_it_apart():
    assert labels() == ["kg"]
    assert labels(presets=["kg", "paper"]) == ["kg", "paper"]
    assert labels(varied=[("sigma", "0.1"), ("epochs", "3"), ("sigma", "0.2")]) == ["sigma=0.1", "sigma=0.2"]
    assert labels(without=["none", "heatmap+similarity"]) == ["full", "without heatmap and similarity"]
    assert labels(without=["heatmap"]) == ["without heatmap"]


def test_a_detector_may_have_options_of_its_own():
    chosen = ["template", "sc3k:epochs=5:detector.poses=all"]
    methods = plan_methods(["kg"], [], [], {"epochs": "9"}, detectors=chosen)
    assert [method.label for method in methods] == chosen
    assert methods[0].recipe.options == {"epochs": "9", "detector": "template"}
    assert methods[1].recipe.options == {"epochs": "5", "detector": "sc3k", "detector.poses": "all"}
    assert labels(detectors=["sc3k"]) == ["sc3k"]
    assert labels(detectors=["sc3k"], varied=[("epochs", "1"), ("epochs", "2")]) == ["epochs=1", "epochs=2"]


def test_jobs_are_all_of_one_seed_first(tiny_preset, tiny_store, tmp_path):
    methods = plan_methods(["tiny"], [], ["none", "similarity"], {})
    jobs = plan_jobs(methods, [tiny_store], [0, 1, 0], tmp_path)
    assert [(job.seed, job.method.label) for job in jobs] == [
        (0, "full"),
        (0, "without similarity"),
        (1, "full"),
        (1, "without similarity"),
    ]
    assert jobs[3].config.train.seed == 1
    assert jobs[3].config.train.similarity_weight == 0
    assert jobs[3].folder == tmp_path / "ellipsoids-ellipsoid-rest-tiny-without-similarity-seed1"


def test_two_stores_of_one_name_are_refused(tiny_preset, tiny_store, tmp_path):
    copy = Store(Path(shutil.copy(tiny_store.path, tmp_path / "copy.h5")))
    with pytest.raises(KgError, match="have the same name, ellipsoids/ellipsoid/rest"):
        plan_jobs(plan_methods(["tiny"], [], [], {}), [tiny_store, copy], [0], tmp_path)


def test_an_option_is_given_in_one_way():
    with pytest.raises(KgError, match="a seed is no method"):
        labels(varied=[("seed", "1"), ("seed", "2")])
    with pytest.raises(KgError, match="'keypoints' is given by its own option"):
        labels(varied=[("keypoints", "8")], common={"keypoints": "10"})
    for name in ("epochs", "detector"):
        with pytest.raises(KgError, match=f"'{name}' is given for a detector"):
            labels(varied=[(name, "8")], detectors=["sc3k:epochs=10"])
    with pytest.raises(KgError, match="'fast' in --detector sc3k:fast"):
        labels(detectors=["sc3k:fast"])


def test_a_method_that_cannot_be_trained_is_refused_before_anything_is(tiny_preset, tiny_store, tmp_path):
    def plan(without, varied=()):
        plan_jobs(plan_methods(["tiny"], varied, without, {}), [tiny_store], [0], tmp_path)

    with pytest.raises(KgError, match="leaves nothing for the decoder"):
        plan(["heatmap+encoder-features"])
    with pytest.raises(KgError, match="'heat'"):
        plan(["heat"])
    with pytest.raises(KgError, match="sigmma"):
        plan([], [("sigmma", "1")])


def test_sequences_that_know_places_at_rest_are_measured_by_them(tiny_store, tmp_path):
    def known(name, objects):
        """Return the same clouds with places at rest, as frames of these objects."""
        clouds = replace(tiny_store.read(), rest_positions=tiny_store.read().points, objects=objects)
        splits = {"object": ["test"] * len(clouds), "frame": ["test"] * len(clouds)}
        facts = {"dataset": "d", "category": "c", "variant": name, "unit": "metre", "landmark_names": {}}
        write_store(tmp_path / f"{name}.h5", [clouds], splits, **facts, provenance={})
        return Store(tmp_path / f"{name}.h5")

    ids = tiny_store.read().ids
    moving, still = known("moving", ["one"] * len(ids)), known("still", ids)
    assert usual_metrics([moving], "object") == ["correspondence", "das"]
    assert usual_metrics([still], "object") == ["das"]
    assert usual_metrics([moving, tiny_store], "object") == ["das"]
