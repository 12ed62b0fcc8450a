"""A backbone for cloth that lies in layers: graph convolutions, in columns too, and attention."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kg import ops
from kg.errors import KgError
from kg.model import Backbone, Features, Pyramid

LEVELS = (512, 128)
WIDTHS = (64, 96, 192)
"""Channels at the cloud itself, at each level."""
POINT_CHANNELS = 96
NEAR = (0.15, 0.25, 0.5)
"""Radius of a neighbourhood at each resolution."""
MEMBERS, MEMBERS_DOWN = 16, 24
"""Points of a neighbourhood, and of one that level 1 is pooled from."""
COLUMN, MARGIN = 0.1, 0.012
"""Radius of a vertical column, and by how much a point lies above another."""
USUAL = 5.34
"""What brings the logarithm of a column's share of the points to about 0."""
FLATTENED = 0.1
"""Heights count so much in a search for the neighbours within a column."""
BLOCKS, HEADS = 4, 4


class Pool(nn.Module):
    """The largest values over a neighbourhood of a linear map of features and offsets.

    What depends on the centre is the same for all members and comes off after the maximum, so that no
    matrix product is done for a pair of points (a max-relative graph convolution, Li et al., ICCV 2019).

    Args:
        channels: Of the points' features.
        width: Of the result.
        radius: Of a neighbourhood; offsets are measured by half of it.
    """

    def __init__(self, channels: int, width: int, radius: float) -> None:
        super().__init__()
        self.features = nn.Linear(channels, width)
        self.offsets = nn.Linear(3, width, bias=False)
        self.scale = 2 / radius

    def forward(self, features: Tensor, points: Tensor, centres: Tensor, members: Tensor) -> Tensor:
        """Return (B, M, width).

        Args:
            features: (B, N, C).
            points: (B, N, 3).
            centres: (B, M, 3).
            members: (B, M, k) indices into the points.
        """
        values = self.features(features) + self.offsets(points * self.scale)
        result: Tensor = ops.neighbour_max(values, members) - self.offsets(centres * self.scale)
        return result


class GraphConv(nn.Module):
    """A residual graph convolution on points that keep their number.

    Args:
        width: Channels.
        radius: See `Pool`.
    """

    def __init__(self, width: int, radius: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.pool = Pool(width, width, radius)
        self.own = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, values: Tensor, points: Tensor, members: Tensor) -> Tensor:
        """Return (B, N, width) for values (B, N, width)."""
        normed = self.norm(values)
        around = self.pool(normed, points, points, members) + self.own(normed)
        result: Tensor = values + self.out(around.relu())
        return result


class Attention(nn.Module):
    """A transformer's block: self-attention, then two layers on each point, both residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, values: Tensor) -> Tensor:
        """Return (B, n, width) for values (B, n, width)."""
        batch, count, width = values.shape
        split = self.queries_keys_values(self.norms[0](values))
        queries, keys, contents = split.view(batch, count, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(queries, keys, contents)
        values = values + self.mix(attended.transpose(1, 2).reshape(batch, count, width))
        result: Tensor = values + self.down(functional.gelu(self.up(self.norms[1](values))))
        return result


class Join(nn.Module):
    """What comes from the coarser level, from the way down and from the whole cloud, added up.

    Args:
        below: Channels of the coarser level.
        skip: Of the way down.
        whole: Of the global feature.
        width: Of the result.
    """

    def __init__(self, below: int, skip: int, whole: int, width: int) -> None:
        super().__init__()
        self.below, self.skip, self.whole = (nn.Linear(size, width) for size in (below, skip, whole))

    def forward(self, pyramid: Pyramid, level: int, below: Tensor, skip: Tensor, whole: Tensor) -> Tensor:
        """Return (B, N, width) at the clouds above `level`, for values below (B, n, C) and skip (B, N, D)."""
        climbed = pyramid.climb(self.below(below), level)
        result: Tensor = climbed + self.skip(skip) + self.whole(whole)[:, None]
        return result


class Layered(Backbone):
    """Graph convolutions at two resolutions, in space and in vertical columns, attention on 128 points.

    Layers of cloth that touch look alike from nearby. What tells them apart is their order in the pile, so
    each point knows what lies above and below it (`kg.ops.column_statistics`), and exchanges features with
    the points of its column.

    Args:
        vertical: "z", the axis that columns stand along, or "none" where no direction is known to be up.

    Raises:
        KgError: `vertical` is something else.
    """

    level_channels = WIDTHS[1:]
    point_channels = POINT_CHANNELS
    global_channels = WIDTHS[-1]
    minimum_points = LEVELS[0]

    def __init__(self, vertical: Literal["z", "none"] = "z") -> None:
        super().__init__()
        if vertical not in ("z", "none"):
            raise KgError(f"vertical must be 'z' or 'none', not '{vertical}'.")
        self.columns = columns = vertical == "z"
        fine, middle, coarse = WIDTHS
        fine, middle, coarse = WIDTHS
        self.begin = nn.Linear(4 + 5 * columns, fine)
        self.fine_down = nn.ModuleList(GraphConv(fine, NEAR[0]) for _ in range(2))
        self.to_middle = nn.ModuleList([nn.LayerNorm(fine), Pool(fine, middle, NEAR[0])])
        self.middle_down = nn.ModuleList(GraphConv(middle, NEAR[1]) for _ in range(2))
        self.to_coarse = nn.ModuleList([nn.LayerNorm(middle), Pool(middle, coarse, NEAR[2])])
        self.place = nn.Sequential(nn.Linear(3, coarse), nn.ReLU(), nn.Linear(coarse, coarse))
        self.attention = nn.Sequential(*(Attention(coarse) for _ in range(BLOCKS)), nn.LayerNorm(coarse))
        self.middle_join = Join(coarse, middle, coarse, middle)
        self.middle_up = GraphConv(middle, NEAR[1])
        self.middle_norm = nn.LayerNorm(middle)
        self.fine_join = Join(middle, fine, coarse, POINT_CHANNELS)
        self.fine_up = GraphConv(POINT_CHANNELS, NEAR[0])
        if columns:
            self.column_down = GraphConv(fine, 2 * COLUMN)
            self.column_up = GraphConv(POINT_CHANNELS, 2 * COLUMN)
        self.end = nn.LayerNorm(POINT_CHANNELS)

    def forward(self, points: Tensor) -> Features:
        """See `Backbone.forward`."""
        start = None
        if self.training:
            start = torch.randint(points.shape[1], (len(points),), device=points.device)
        middle = ops.gather(points, ops.farthest_point_sample(points, LEVELS[0], start))
        coarse = middle[:, : LEVELS[1]].contiguous()  # a prefix of the farthest points is farthest points
        pyramid = Pyramid([points, middle, coarse])
        near = ops.ball_query(points, points, NEAR[0], MEMBERS)
        near_middle = ops.ball_query(middle, middle, NEAR[1], MEMBERS)

        values = self.begin(self._inputs(points))
        values = self.fine_down[0](values, points, near)
        if self.columns:
            column = self._columns(points)
            values = self.column_down(values, points, column)
        fine = self.fine_down[1](values, points, near)

        norm, pool = self.to_middle
        values = pool(norm(fine), points, middle, ops.ball_query(points, middle, NEAR[0], MEMBERS_DOWN))
        for conv in self.middle_down:
            values = conv(values, middle, near_middle)
        level_1 = values

        norm, pool = self.to_coarse
        values = pool(norm(level_1), middle, coarse, ops.ball_query(middle, coarse, NEAR[2], MEMBERS))
        level_2 = self.attention(values + self.place(2 * coarse))
        whole = level_2.amax(1)

        values = self.middle_join(pyramid, 2, level_2, level_1, whole)
        values = self.middle_norm(self.middle_up(values, middle, near_middle))
        values = self.fine_join(pyramid, 1, values, fine, whole)
        if self.columns:
            values = self.column_up(values, points, column)
        values = self.fine_up(values, points, near)
        return Features(pyramid, [level_1, level_2], self.end(values), whole)

    def _inputs(self, points: Tensor) -> Tensor:
        """Return each point's place and statistics of its column, scaled to about 1, (B, N, 4 or 9)."""
        known = [points]
        if self.columns:
            share, below, above, down, up = ops.column_statistics(points, COLUMN, MARGIN).unbind(2)
            known.append(torch.stack([share.log() + USUAL, below, above, 4 * down, 4 * up], dim=2))
        return torch.cat([*known, 3 * points[..., 2:]], dim=2)

    def _columns(self, points: Tensor) -> Tensor:
        """Return the nearest points of each point's column, those of other layers among them, (B, N, k)."""
        flat = points * points.new_tensor([1, 1, FLATTENED])
        return ops.ball_query(flat, flat, COLUMN, MEMBERS)
