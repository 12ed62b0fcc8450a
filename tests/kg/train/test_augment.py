"""What a step does to clouds keeps what it should."""

import pytest
import torch

from kg.config import TrainConfig
from kg.model import Batch
from kg.train.augment import augment, turns

CPU = torch.device("cpu")


def batch(count=3, points=40):
    generator = torch.Generator().manual_seed(1)
    cloud = torch.rand(count, points, 3, generator=generator)
    return Batch(cloud, cloud * 2)


def test_nothing_is_done_unasked():
    given = batch()
    found = augment(given, TrainConfig(), "range")
    assert found.points is given.points
    assert found.rest is given.rest


def test_points_that_are_kept_keep_their_places_at_rest():
    torch.manual_seed(0)
    given = batch()
    found = augment(given, TrainConfig(subsample=0.5), "longest-side")
    assert found.points.shape == found.rest.shape == (3, 20, 3)
    # The place at rest says which point it was: twice the cloud's own coordinates.
    for cloud, rest, whole in zip(found.points, found.rest, given.points, strict=True):
        rows = torch.cdist(rest / 2, whole).argmin(1)
        assert len(rows.unique()) == 20
        source = whole[rows]
        middle, side = (source.amax(0) + source.amin(0)) / 2, (source.amax(0) - source.amin(0)).max()
        torch.testing.assert_close(cloud, (source - middle) / side * 2)


@pytest.mark.parametrize(("kind", "limit"), [("yaw", 180.0), ("yaw", 15.0), ("all", 180.0), ("all", 30.0)])
def test_turns_are_rotations_of_at_most_so_much(kind, limit):
    torch.manual_seed(0)
    rotations = turns(400, kind, limit, CPU)
    torch.testing.assert_close(rotations @ rotations.mT, torch.eye(3).expand(400, 3, 3), rtol=0, atol=1e-5)
    torch.testing.assert_close(torch.linalg.det(rotations), torch.ones(400))
    trace = rotations.diagonal(dim1=1, dim2=2).sum(1)
    angles = torch.rad2deg(((trace - 1) / 2).clamp(-1, 1).acos())
    assert angles.max() <= limit + 0.1
    assert angles.max() > 0.9 * limit
    if kind == "yaw":
        torch.testing.assert_close(rotations[:, 2], torch.tensor([0.0, 0.0, 1.0]).expand(400, 3))
    else:
        # An axis in any direction: the mean of where z goes is nowhere but along z.
        assert rotations[:, 2, :2].mean(0).norm() < 0.1


def test_the_same_seed_gives_the_same_clouds():
    options = TrainConfig(subsample=0.7, turn="all", jitter=0.01)
    found = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        found.append(augment(batch(), options, "range").points)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_noise_has_its_size():
    torch.manual_seed(0)
    given = batch(1, 20000)
    noisy = augment(given, TrainConfig(jitter=0.001), "range").points.flatten().double()
    # What comes out is normalised anew: noise is what a scale and an offset do not explain.
    before = torch.stack([given.points.flatten().double(), torch.ones(60000, dtype=torch.double)], 1)
    scale, offset = torch.linalg.lstsq(before, noisy[:, None]).solution.flatten()
    assert ((noisy - before[:, 0] * scale - offset).std() / scale).item() == pytest.approx(0.001, rel=0.02)


def test_clouds_that_are_turned_over_are_not_mirrored():
    torch.manual_seed(0)
    given = batch(200)
    found = augment(given, TrainConfig(turn_over=0.3), "range")
    before, after = (cloud[:, :3] - cloud[:, 3:4] for cloud in (given.points, found.points))
    torch.testing.assert_close(torch.linalg.det(before).sign(), torch.linalg.det(after).sign())
    over = (before[:, 0, 2] * after[:, 0, 2]) < 0
    assert 0.2 < over.float().mean() < 0.4
    assert torch.equal(found.rest, given.rest)


def test_keypoints_stay_where_they_are_on_the_cloud():
    torch.manual_seed(0)
    given = batch(20)
    options = TrainConfig(turn="all", turn_over=0.5, scale=1.3)
    # Keypoints that are points of the cloud stay those.
    found = augment(given._replace(keypoints=given.points[:, 5:9]), options, "longest-side")
    torch.testing.assert_close(found.keypoints, found.points[:, 5:9])
    assert not torch.equal(found.points, given.points)


def test_a_patch_is_hidden():
    torch.manual_seed(0)
    given = batch(1, 200)
    found = augment(given, TrainConfig(occlusion=0.25), "range")
    assert found.points.shape == found.rest.shape == (1, 150, 3)
    kept = torch.cdist(found.rest[0] / 2, given.points[0]).argmin(1)
    hidden = given.points[0][~torch.isin(torch.arange(200), kept)]
    # They lie together: around one of them the others are nearer than any that was kept.
    apart = torch.cdist(hidden, given.points[0])
    assert any(
        torch.equal(row.topk(50, largest=False).values.max(), own.max())
        for row, own in zip(apart, torch.cdist(hidden, hidden), strict=True)
    )


def test_axes_are_stretched_by_the_factor_at_most():
    torch.manual_seed(0)
    given = batch(300)
    found = augment(given, TrainConfig(scale=1.5), "longest-side")
    sides = (found.points.amax(1) - found.points.amin(1)) / (given.points.amax(1) - given.points.amin(1))
    shapes = sides / sides.amax(1, keepdim=True)
    assert 1.5**-2 - 1e-3 <= shapes.min() < 0.6
