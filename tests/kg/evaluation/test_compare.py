"""Side by side: differences on the same shapes, and what must not be compared unsaid."""

from dataclasses import replace

import numpy as np
import pytest

from kg.evaluation.compare import Entry, compare
from kg.evaluation.evaluate import evaluate
from kg.evaluation.floors import measure_floors
from kg.evaluation.metrics.bootstrap import resample
from kg.evaluation.metrics.published import published_on
from kg.inference.predictions import Predictions


def made(offset=0.0, **meta):
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (6, 50, 3)).astype(np.float32)
    keypoints = points[:, :4] * (1 - offset)
    told = {"dataset": "garments", "category": "shirt", "variant": "fold", "split": "test", "store": {}}
    return Predictions(
        ids=np.array(list("abcdef")),
        objects=np.array(list("abcdef")),
        points=points,
        scale=np.ones(6),
        offset=np.zeros(6),
        keypoints=keypoints,
        keypoints_source=keypoints.astype(float),
        indices=np.tile(np.arange(4), (6, 1)),
        confidences=np.ones((6, 4), np.float32),
        edge_pairs=np.empty((0, 2), np.int64),
        edges=np.empty((6, 0), np.float32),
        meta={**told, "split_by": "object", "inference": "soft", **meta},
    )


def entry(label, predictions, metrics=("coverage",)):
    return Entry(label, predictions, evaluate(predictions, metrics))


def test_a_difference_is_of_the_same_resampled_shapes():
    first, second = entry("one", made()), entry("two", made(0.2))
    found = compare([first, second])
    assert found.warnings == []
    difference = found.difference(second, "coverage")
    per_shape = [one.result("coverage").per_shape["value"] for one in (first, second)]
    of_shapes = per_shape[1] - per_shape[0]
    assert difference.value == pytest.approx(of_shapes.mean())
    drawn = resample(np.array(list("abcdef"))) @ of_shapes / 6
    assert difference.interval == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])))


def test_floors_of_the_same_clouds_have_one_row():
    entries = []
    for name, predictions in (("one", made()), ("two", made(0.2))):
        results = evaluate(predictions, ["coverage"])
        entries.append(Entry(name, predictions, results, measure_floors(predictions, results)))
    found = compare(entries)
    # The box is that of the clouds; a template that of the keypoints.
    assert [name for name, _ in found.floors()] == ["template", "box", "template of 2"]
    assert [line[0] for line in found.grid(published=False)[1:]] == [
        "one",
        "two",
        "template",
        "box",
        "template of 2",
    ]
    box = dict(found.floors())["box"].result("coverage").values["value"]
    assert found.grid()[4][1] == f"{box:.1f}"
    assert {row["floor"] for row in found.rows()} == {"", "template", "box"}


def test_what_cannot_be_compared_is_told():
    other = made(split="val", inference="hard")
    fewer = replace(other, keypoints=other.keypoints[:, :3], points=other.points[:, :40])
    said = " ".join(compare([entry("one", made()), entry("two", fewer)]).warnings)
    for text in ("test by object, val by object", "points: 50, 40", "keypoints: 4, 3", "soft, hard"):
        assert text in said


def test_keypoints_of_another_program_have_no_inference_to_differ_in():
    entries = [entry("one", made()), entry("two", made(inference=""))]
    assert compare(entries).warnings == []


def test_stores_of_one_name_and_other_points_are_told_apart():
    one, two = (made(store={"path": "x", "checksum": text}) for text in "ab")
    entries = [Entry(name, found, []) for name, found in (("one", one), ("two", two))]
    assert "other points" in compare(entries).warnings[0]


def test_other_shapes_have_no_difference():
    first, second = made(), made()
    second = replace(second, ids=np.array(list("uvwxyz")))
    entries = [entry("one", first), entry("two", second)]
    found = compare(entries)
    assert found.difference(entries[1], "coverage") is None
    assert "different shapes" in found.warnings[0]


def test_what_is_published_of_several_data_says_of_which():
    folds = [
        entry(str(number), made(variant=of), ["das-unsupervised"])
        for number, of in enumerate(["fold", "drop"])
    ]
    names = [line[0] for line in compare(folds).grid()]
    assert {"Key-Grid, fold shirt †", "Key-Grid, drop average †"} <= set(names)
    assert len(set(names)) == len(names)


def test_frames_of_another_deformation_have_no_difference_though_equal_ids():
    first, second = made(variant="drop"), made(variant="fold")
    found = compare(entries := [entry("one", first), entry("two", second)])
    assert found.difference(entries[1], "coverage") is None
    assert "They differ in data: garments shirt drop, garments shirt fold." in found.warnings


def test_the_papers_figures_stand_beside_like_data_only():
    found = compare([entry("one", made(), ("das-unsupervised",))])
    assert {figure.method: figure.value for figure in found.published}["Key-Grid"] == 92.0
    assert compare([entry("one", made())]).published == []
    assert [figure.value for figure in published_on("garments", "long-pants", "fold-one")][-1] == 100.0
    airplanes = published_on("keypointnet", "airplane", "even")
    assert {figure.measured_as for figure in airplanes} == {("das-annotated", "mean"), ("miou", "value")}
    assert {figure.author for figure in airplanes if figure.method == "Key-Grid"} == {
        "Key-Grid",
        "Key-Grid by a second group",
    }
    assert published_on("garments", "shirt", "laid") == published_on("folder", "airplane", "even") == []
    assert found.to_dict()["published"][0]["source"]
    heading, mine, *theirs = found.grid()
    # Published on the first shape alone, so beside what is measured so.
    first = heading.index("das-unsupervised first")
    das = found.entries[0].result("das-unsupervised").values
    assert mine[1].startswith(f"{das['mean']:.1f} [")
    assert (mine[0], mine[first]) == ("one", f"{das['first']:.1f}")
    assert (theirs[-1][0], theirs[-1][1], theirs[-1][first]) == ("Key-Grid †", "", "92.0")
    assert {len(line) for line in (mine, *theirs)} == {len(heading)}
    assert found.grid(published=False) == [heading, mine]
    assert [row["value"] for row in found.rows() if row["name"] == "Key-Grid"] == [92.0]
