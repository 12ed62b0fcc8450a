"""Frames of one object, in the source's coordinates, with what is known of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kg.data import Store
from kg.data.sample import farthest_points
from kg.data.store import Clouds, write_store
from kg.errors import KgError
from kg.inference.predictions import Predictions
from kg.viz.contact_sheets import predicted_colours
from kg.viz.motion import choose_object, follow, motion_of_predictions, motion_of_store
from kg.viz.style import Style

FRAMES, POINTS = 6, 300
TURN = np.pi / 2 / (FRAMES - 1)


def sheet(seed: int) -> NDArray[np.float64]:
    """Samples of a sheet of 2 × 1 at rest, other ones for each seed."""
    return np.random.default_rng(seed).uniform(0, 1, (POINTS, 3)) * [2, 1, 0]


def turned(places: NDArray[np.float64], frame: int) -> NDArray[np.float64]:
    """Where places of the sheet are in a frame: it turns upright about the y axis, and moves away."""
    cos, sin = np.cos(frame * TURN), np.sin(frame * TURN)
    return places @ np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]) + [frame, 0, 5]


def stored(path: Path, rest_positions: bool = True, deform: dict[str, float] | None = None) -> Store:
    """Frames of two sheets, those of the second in reverse; each cloud normalised for itself."""
    rows = [("a", frame) for frame in range(FRAMES)] + [("b", frame) for frame in reversed(range(FRAMES))]
    rest = [sheet(number) for number in range(len(rows))]
    source = np.stack([turned(places, frame) for places, (_, frame) in zip(rest, rows, strict=True)])
    scale = np.ptp(source, axis=(1, 2)) / 2
    offset = source.min(axis=(1, 2)) + scale
    clouds = Clouds(
        ids=[f"{name}-{frame}" for name, frame in rows],
        objects=[name for name, _ in rows],
        frame=np.array([frame for _, frame in rows], np.int32),
        points=((source - offset[:, None, None]) / scale[:, None, None]).astype(np.float32),
        scale=scale,
        offset=offset,
        rest_positions=np.stack(rest).astype(np.float32) if rest_positions else None,
    )
    if rest_positions:
        # The second of the points that are followed below, in each cloud.
        ids = np.full((len(rows), 1), 4, np.int32)
        clouds = replace(clouds, landmarks=clouds.points[:, 1:2], landmark_ids=ids)
    facts = {"dataset": "d", "category": "c", "variant": "v", "unit": "metre"}
    splits = {"object": ["train"] * len(rows), "frame": ["train"] * len(rows)}
    provenance = {"options": {"deform": deform}}
    write_store(path, [clouds], splits, **facts, landmark_names={4: "hem"}, provenance=provenance)  # type: ignore[arg-type]
    return Store(path)


def predicted(store: Store, count: int = POINTS) -> Predictions:
    """Predictions of all its clouds, thinned as kg predict does; keypoints are points of them."""
    clouds = store.read()
    points = np.stack([cloud[farthest_points(cloud, count)] for cloud in clouds.points])
    if count == POINTS:
        points = clouds.points
    keypoints = points[:, :2]
    return Predictions(
        ids=np.array(clouds.ids),
        objects=np.array(clouds.objects),
        points=points,
        scale=clouds.scale,
        offset=clouds.offset,
        keypoints=keypoints,
        keypoints_source=keypoints * clouds.scale[:, None, None] + clouds.offset[:, None, None],
        indices=np.tile(np.arange(2), (len(points), 1)),
        confidences=np.ones((len(points), 2), dtype=np.float32),
        edge_pairs=np.array([(0, 1)]),
        edges=np.ones((len(points), 1), dtype=np.float32),
        meta={"store": {"path": str(store.path), "checksum": store.checksum}},
    )


def test_frames_are_in_source_coordinates_by_their_numbers(tmp_path: Path) -> None:
    motion = motion_of_store(stored(tmp_path / "v.h5"), "b")
    assert motion.ids == [f"b-{frame}" for frame in range(FRAMES)]
    for frame, cloud in enumerate(motion.points):
        np.testing.assert_allclose(cloud, turned(sheet(2 * FRAMES - 1 - frame), frame), atol=1e-5)
    assert (motion.up, motion.seconds, motion.predicted) == ("y", None, False)


def test_places_are_followed_though_each_frame_samples_others() -> None:
    rest_positions = np.stack([sheet(number) for number in range(FRAMES)])
    points = np.stack([turned(places, frame) for frame, places in enumerate(rest_positions)])
    ways = follow(points, rest_positions, 5, 0)
    places = rest_positions[0][farthest_points(rest_positions[0], 5)]
    truth = np.stack([turned(places, frame) for frame in range(FRAMES)])
    # Samples are random, some 0.08 apart in the mean.
    assert np.linalg.norm(ways - truth, axis=2).max() < 0.15
    gaps = np.linalg.norm(places[:, None] - places, axis=2)[np.triu_indices(5, 1)]
    assert gaps.min() > 0.6


def test_a_place_that_no_sample_is_near_is_out_of_sight() -> None:
    """In the second frame the camera sees the left half of the sheet."""
    whole = np.stack([sheet(0), sheet(1)])
    whole[1, :, 0] /= 2
    ways = follow(whole, whole, 6, 0)
    hidden = ways[0, :, 0] > 1.2
    assert hidden.any()
    assert np.isnan(ways[1, hidden]).all()
    assert np.isfinite(ways[1, ways[0, :, 0] < 0.9]).all()


def test_a_place_keeps_its_colour(tmp_path: Path) -> None:
    motion = motion_of_store(stored(tmp_path / "v.h5"), "a")
    assert motion.colours is not None
    for frame in (0, 3):
        near = np.linalg.norm(sheet(frame)[:, None] - sheet(5), axis=2).argmin(axis=1)
        assert np.abs(motion.colours[frame] - motion.colours[5][near]).max() < 0.08
    assert np.ptp(motion.colours[0], axis=0).max() > 0.2


def test_without_places_at_rest_it_is_grey_and_nothing_is_followed(tmp_path: Path) -> None:
    motion = motion_of_store(stored(tmp_path / "v.h5", rest_positions=False), "a")
    assert motion.colours is None
    assert motion.keypoints.shape == (FRAMES, 0, 3)


def test_simulated_garments_stand_on_the_ground_and_take_their_time(tmp_path: Path) -> None:
    motion = motion_of_store(stored(tmp_path / "v.h5", deform={"seconds": 2.5}), "a")
    assert (motion.up, motion.seconds) == ("z", 2.5)


@pytest.mark.parametrize("count", [POINTS, 100])
def test_predictions_take_colours_time_and_up_from_their_store(tmp_path: Path, count: int) -> None:
    store = stored(tmp_path / "v.h5", deform={"seconds": 2.5})
    predictions = predicted(store, count)
    motion = motion_of_predictions(predictions, "a", Style())
    assert (motion.up, motion.seconds, motion.predicted, len(motion)) == ("z", 2.5, True, FRAMES)
    np.testing.assert_allclose(motion.keypoints, predictions.keypoints_source[:FRAMES], atol=1e-9)
    assert motion.names == ({1: "hem"} if count == POINTS else {})
    whole = motion_of_store(store, "a")
    assert motion.colours is not None
    assert whole.colours is not None
    for frame in range(FRAMES):
        same = np.linalg.norm(motion.points[frame][:, None] - whole.points[frame], axis=2).argmin(axis=1)
        np.testing.assert_allclose(motion.colours[frame], whole.colours[frame][same], atol=0.05)


def test_predictions_whose_store_has_gone_or_changed_are_grey(tmp_path: Path) -> None:
    predictions = predicted(stored(tmp_path / "v.h5", deform={"seconds": 2.5}))
    changed = {"store": {**predictions.meta["store"], "checksum": "other"}}
    for meta in ({}, changed, {"store": {"path": str(tmp_path / "gone.h5"), "checksum": ""}}):
        motion = motion_of_predictions(replace(predictions, meta=meta), "b", Style())
        assert (motion.colours, motion.up, motion.seconds) == (None, "y", None)


def test_the_first_object_with_frames_or_the_wanted_one() -> None:
    objects = ["a", "b", "b", "c", "c"]
    assert choose_object(objects) == "b"
    assert choose_object(objects, "c") == "c"
    with pytest.raises(KgError, match="no object 'shirt-3' among the 2") as caught:
        choose_object(["shirt-0003", "shirt-0004"], "shirt-3")
    assert "shirt-0003" in caught.value.hint
    for wanted, said in ((None, "each object has one frame"), ("b", "b has one frame")):
        with pytest.raises(KgError, match=said) as caught:
            choose_object(["a", "b"], wanted)
        assert "--deform" in caught.value.hint


def test_clouds_have_the_colours_of_the_places_that_the_detector_says(tmp_path: Path) -> None:
    predictions = predicted(stored(tmp_path / "v.h5"))
    said = np.tile(np.linspace(-1, 1, POINTS, dtype=np.float32)[:, None], (len(predictions), 1, 3))
    told = replace(predictions, rest=said)
    motion = motion_of_predictions(told, "b", Style())
    sheet_of_all = predicted_colours(told, [7, 1])
    assert motion.colours is not None
    assert sheet_of_all is not None
    np.testing.assert_array_equal(sheet_of_all[0], motion.colours[1])
    # One end is one colour on all frames, the other end another.
    assert np.ptp(motion.colours[:, 0], axis=0).max() == 0
    assert np.abs(motion.colours[0, 0] - motion.colours[0, -1]).max() > 0.2
    assert predicted_colours(predictions, [0]) is None
