import numpy as np
import pytest
import torch

from kg_detectors.extremal.recurring import (
    BLUR,
    blurred,
    directions,
    extremal,
    nearest,
    recurring,
    spread_out,
)


def described(rows=4, points=30, channels=5, seed=0):
    return torch.rand(rows, points, channels, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_directions_are_the_corners_and_the_faces_of_a_cube():
    found = {tuple(row) for row in directions(torch.zeros(1)).tolist()}
    corners = {(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)}
    faces = {(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)}
    assert found == corners | faces


def test_the_nearest_point_differs_least():
    features = described()
    anchors = described(1, 6, seed=1)[0]
    found = nearest(features, anchors)
    for row, cloud in enumerate(features.double().numpy()):
        for column, anchor in enumerate(anchors.double().numpy()):
            squared = ((cloud - anchor) ** 2).sum(1)
            assert found.indices[row, column] == squared.argmin()
            np.testing.assert_allclose(found.squared[row, column], squared.min(), atol=1e-5)


@pytest.mark.parametrize(("kinds", "count"), [("1", 1), ("2", 2), ("auto", 1)])
def test_of_one_cloud_all_kinds_in_a_direction_are_its_farthest_point(kinds, count):
    features = described(rows=1)
    found = extremal(features, kinds).view(14, count, -1)
    farthest = (features[0, :, :3] @ directions(features).T).argmax(0)
    for kind in range(count):
        torch.testing.assert_close(found[:, kind], features[0, farthest])


def test_one_kind_is_the_mean_of_the_farthest_points():
    features = described(rows=5)
    farthest = (features[:, :, :3] @ directions(features).T).argmax(1)
    means = [[features[row, farthest[row, way]] for row in range(5)] for way in range(14)]
    torch.testing.assert_close(
        extremal(features, "1"), torch.stack([torch.stack(way).mean(0) for way in means])
    )


LOW, HIGH = torch.tensor([[1.0, 0.2, 1.0]]), torch.tensor([[1.0, 1.0, 1.0]])


def corner_kinds(clouds, kinds):
    """Return the anchors that extremal finds, all and those of them that are corners towards (1, 1, 1)."""
    features = torch.stack(clouds)
    found = extremal(features, kinds)
    return found, found[(torch.cdist(found, torch.cat([LOW, HIGH])) < 1e-4).any(1)]


def test_two_kinds_of_clouds_have_two_kinds_of_corners():
    inside = torch.zeros(1, 3)
    clouds = [torch.cat([LOW, inside])] * 2 + [torch.cat([HIGH, inside])] * 3
    corner = [row.tolist() for row in directions(inside)].index([1, 1, 1])
    kinds = corner_kinds(clouds, "2")[0][2 * corner : 2 * corner + 2]
    torch.testing.assert_close(kinds[kinds[:, 1].argsort(descending=True)], torch.cat([HIGH, LOW]))


def test_a_second_kind_is_found_where_one_of_the_two_is_missing_on_many_clouds():
    # Two of five clouds are low: where they all have the low point too, only the high one is missing.
    for rest in (torch.zeros(1, 3), torch.cat([LOW, torch.zeros(1, 3)])):
        found, corners = corner_kinds([torch.cat([LOW, rest])] * 2 + [torch.cat([HIGH, rest])] * 3, "auto")
        assert 14 < len(found) <= 28
        assert torch.cdist(LOW, corners).amin() < 1e-4
        assert torch.cdist(HIGH, corners).amin() < 1e-4


def test_there_is_one_kind_where_few_clouds_are_of_the_other():
    inside = torch.zeros(1, 3)
    # Seven tenths say what recurs: one of five is too few.
    found, corners = corner_kinds([torch.cat([LOW, inside])] + [torch.cat([HIGH, inside])] * 4, "auto")
    assert len(found) == 14
    assert not len(corners[corners[:, 1] < 0.9])


def test_there_is_one_kind_where_chance_says_which_lies_farther_out():
    # A wall of a mug: all of them have both ends, and either may lie farther out by a hair.
    ends = torch.tensor([[1.0, 1, 0], [1, -1, 0]])
    hair = torch.tensor([[0.01, 0, 0], [0, 0, 0]])
    clouds = [torch.cat([ends + hair, -ends])] * 2 + [torch.cat([ends + hair.flip(0), -ends])] * 3
    assert len(extremal(torch.stack(clouds), "2")) == 28
    assert len(extremal(torch.stack(clouds), "auto")) == 14


def test_an_anchor_goes_to_the_mean_of_the_clouds_that_agree():
    # On seven of ten clouds the part is about (1, 0, 0); three have none of it.
    along = torch.linspace(0.97, 1.03, 7)
    parts = [torch.tensor([[float(x), 0, 0], [0, 5, 5]]) for x in along]
    others = [torch.tensor([[-4.0, 0, 0], [0, 5, 5]])] * 3
    found = recurring(torch.stack(parts + others), torch.tensor([[0.8, 0.1, 0]]))
    torch.testing.assert_close(found, torch.tensor([[1.0, 0, 0]]))


def test_blur_is_how_far_points_that_are_alike_lie_apart():
    # The first anchor has one point that is like it, the second has two, 0.8 apart.
    cloud = torch.tensor([[[0.0, 0, 0, 0], [2, 0, 0, 3], [2.8, 0, 0, 3]]])
    anchors = torch.tensor([[0.0, 0, 0, 0], [2.4, 0, 0, 3]])
    found = blurred(cloud, anchors)
    np.testing.assert_allclose(found, [0, 0.4], atol=1e-3)
    assert BLUR < 0.4


def test_the_least_blurred_are_kept_apart_and_closer_ones_where_there_are_too_few():
    places = torch.tensor([[0.0, 0, 0], [0.1, 0, 0], [1, 0, 0], [0.4, 0, 0]])
    blur = torch.tensor([0.1, 0.2, 0.4, 0.3])
    assert spread_out(places, blur, 2, 0.5) == [0, 2]
    assert spread_out(places, blur, 3, 0.5) == [0, 3, 2]
    assert spread_out(torch.zeros(3, 3), torch.arange(3.0), 3, 0.5) == [0, 1, 2]
