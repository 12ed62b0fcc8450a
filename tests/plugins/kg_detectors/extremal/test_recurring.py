import numpy as np
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


def test_of_one_cloud_both_kinds_in_a_direction_are_its_farthest_point():
    features = described(rows=1)
    found = extremal(features).view(14, 2, -1)
    farthest = (features[0, :, :3] @ directions(features).T).argmax(0)
    torch.testing.assert_close(found[:, 0], features[0, farthest])
    torch.testing.assert_close(found[:, 1], features[0, farthest])


def test_two_kinds_of_clouds_have_two_kinds_of_corners():
    low, high = torch.tensor([[1.0, 0.2, 1.0]]), torch.tensor([[1.0, 1.0, 1.0]])
    inside = torch.zeros(1, 3)
    features = torch.stack([torch.cat([low, inside])] * 2 + [torch.cat([high, inside])] * 3)
    corner = [row.tolist() for row in directions(features)].index([1, 1, 1])
    kinds = extremal(features)[2 * corner : 2 * corner + 2]
    expected = torch.cat([high, low])
    torch.testing.assert_close(kinds[kinds[:, 1].argsort(descending=True)], expected)


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
