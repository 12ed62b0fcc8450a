"""Anchors that somebody else chose: a detector at rest, or a user on a shape."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kg.errors import KgError
from kg.model.checkpoint import save_checkpoint
from kg.model.making import make_detector
from kg_detectors.follow.anchors import check_anchors, find_anchors
from kg_detectors.follow.template import make_template

NONE = np.full((4, 3), np.nan)


@pytest.fixture
def template(examples):
    return make_template(examples.rest.numpy(), examples.boxes.numpy(), examples.objects, 100, 300)


def test_the_keypoints_of_a_run_are_found_on_the_template(template, tiny_config, tmp_path, monkeypatch):
    torch.manual_seed(0)
    config = replace(tiny_config, model=replace(tiny_config.model, inference="hard"))
    model = make_detector(config.model, config.train)
    (tmp_path / "runs" / "rest").mkdir(parents=True)
    save_checkpoint(tmp_path / "runs" / "rest" / "best.safetensors", model.state_dict(), config, 1, {})
    found = find_anchors("rest", template, NONE, 8)
    # As many as the run has, points of the surface, and those that the detector finds by itself.
    assert found.shape == (4, 3)
    cloud = template.surface[: config.train.points] * template.extent
    low, high = cloud.min(), cloud.max()
    seen = torch.from_numpy((2 * (cloud - low) / (high - low) - 1).astype(np.float32))[None]
    with torch.no_grad():
        indices = model.eval().find(seen).indices[0]
    np.testing.assert_array_equal(found, template.surface[indices])
    for named in (tmp_path / "runs" / "rest", tmp_path / "runs" / "rest" / "best.safetensors"):
        np.testing.assert_array_equal(find_anchors(str(named), template, NONE, 8), found)


def test_points_that_a_user_picked_lie_in_the_box_of_their_shape(template, tmp_path):
    points = np.array([[1.0, 2, 0], [3, 2, 0], [3, 6, 0], [1, 6, 0], [2, 3, 0]])
    np.save(tmp_path / "shape.npy", points)
    np.savetxt(tmp_path / "picks.txt", points[[2, 4]])
    by_number = find_anchors(f"{tmp_path / 'shape.npy'}:2,4,0", template, NONE, 8)
    np.testing.assert_allclose(by_number, [[1, 1, 0], [0, -0.5, 0], [-1, -1, 0]], atol=1e-6)
    by_place = find_anchors(f"{tmp_path / 'shape.npy'}:{tmp_path / 'picks.txt'}", template, NONE, 8)
    np.testing.assert_allclose(by_place, by_number[:2], atol=1e-6)
    with pytest.raises(KgError, match="has 5 points; none has the number 7"):
        find_anchors(f"{tmp_path / 'shape.npy'}:1,7", template, NONE, 8)


def test_what_is_nothing_is_refused_with_what_there_can_be():
    for named in ("corners", "none.obj:1,2", ""):
        with pytest.raises(KgError, match="seams, sure, farthest, landmarks, a run"):
            check_anchors(named)


def test_sure_anchors_are_far_apart_where_keypoints_miss_the_least(template):
    left = template.places[:, 0] < 0
    missed = np.where(left, 0.02, 0.2)
    found = find_anchors("sure", template, NONE, 4, missed)
    assert (found[:, 0] < 0).all()
    assert len(np.unique(found, axis=0)) == 4
    for unknown in (None, np.full_like(missed, np.nan)):
        with pytest.raises(KgError, match="was not measured"):
            find_anchors("sure", template, NONE, 4, unknown)


def test_landmarks_are_the_first_that_are_known(template):
    marks = np.concatenate([np.eye(3), NONE])
    np.testing.assert_array_equal(find_anchors("landmarks", template, marks, 2), np.eye(3)[:2])
    with pytest.raises(KgError, match="4 keypoints cannot lie on 3 landmarks"):
        find_anchors("landmarks", template, marks, 4)
