"""How far two clouds are apart."""

from torch import Tensor

from kg.ops.neighbours import nearest_neighbours
from kg.ops.signature import Signature
from kg.ops.torch_kernels import gather

_CLOUDS = Signature("first B N 3, second B M 3")


def chamfer_distance(first: Tensor, second: Tensor) -> Tensor:
    """Return the Chamfer distance of clouds (B, N, 3) and (B, M, 3), a scalar, differentiable in both.

    Squared distance to the nearest point of the other cloud, mean over points, the two directions
    summed, mean over the batch.

    Raises:
        ValueError: The shapes or dtypes do not belong together, or there is no cloud or no point.
    """
    sizes = _CLOUDS.check(first, second)
    if 0 in sizes.values():
        raise ValueError(f"no points have no distance: {tuple(first.shape)} and {tuple(second.shape)}")

    def one_way(source: Tensor, target: Tensor) -> Tensor:
        nearest = gather(target, nearest_neighbours(source, target)[..., 0])
        return (source - nearest).square().sum(2).mean()

    return one_way(first, second) + one_way(second, first)
