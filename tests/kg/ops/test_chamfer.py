"""The Chamfer distance."""

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from kg import ops


@pytest.mark.parametrize("sizes", [(200, 150), (1, 7), (5, 1)])
def test_it_is_the_trees_squared_distances(sizes):
    rng = np.random.default_rng(0)
    first, second = rng.random((3, sizes[0], 3)), rng.random((3, sizes[1], 3))
    expected = np.mean(
        [
            (cKDTree(b).query(a)[0] ** 2).mean() + (cKDTree(a).query(b)[0] ** 2).mean()
            for a, b in zip(first, second, strict=True)
        ]
    )
    found = ops.chamfer_distance(torch.from_numpy(first), torch.from_numpy(second))
    assert found.item() == pytest.approx(expected, rel=1e-12)


def test_a_cloud_is_at_no_distance_from_itself_in_another_order():
    cloud = torch.rand(1, 50, 3)
    assert ops.chamfer_distance(cloud, cloud[:, torch.randperm(50)]).item() == 0


def test_it_is_differentiable_in_both_clouds():
    generator = torch.Generator().manual_seed(2)
    first = torch.rand(2, 9, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    second = torch.rand(2, 6, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(ops.chamfer_distance, (first, second))


def test_an_empty_cloud_is_refused():
    with pytest.raises(ValueError, match="no points"):
        ops.chamfer_distance(torch.zeros(1, 0, 3), torch.zeros(1, 4, 3))
