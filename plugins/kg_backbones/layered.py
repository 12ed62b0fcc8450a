"""A backbone for cloth that lies in layers: graph convolutions, in columns too, and attention."""

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kg import ops
from kg.config.values import Bounds, read_values
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
HEIGHTS = 3
"""That waves encode: down to the column's lowest point, up to its highest, above the cloud's lowest."""
FLATTENED = 0.1
"""Heights count so much in a search for the neighbours within a column."""
BLOCKS, HEADS = 4, 4
ROOM = 0.8
"""How high a flat cloud may become when its heights are stretched."""


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
    """A transformer's block: self-attention, then two layers on each point, both residual.

    Args:
        width: Channels.
        silent: It begins as if it were not there.
    """

    def __init__(self, width: int, silent: bool = False) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        if silent:
            for last in (self.mix, self.down):
                nn.init.zeros_(last.weight)
                nn.init.zeros_(last.bias)

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


@dataclass(frozen=True)
class Options:
    """Numbers among its options, which `Layered` explains."""

    apart: Annotated[float, Bounds(1, 100)]
    waves: Annotated[int, Bounds(0, 16)]
    depth: Annotated[int, Bounds(0, 64)]


class Layered(Backbone):
    """Graph convolutions at two resolutions, in space and in vertical columns, attention on 128 points.

    Layers of cloth that touch look alike from nearby. What tells them apart is their order in the pile, so
    each point knows what lies above and below it (`kg.ops.column_statistics`), and exchanges features with
    the points of its column.

    Args:
        vertical: "z", the axis that columns stand along, or "none" where no direction is known to be up.
        apart: Up to how many times heights are stretched in the search for neighbours, 1 for not at all.
            Layers of a flat pile lie nearer to each other than the points of one layer do; stretched, a
            neighbourhood is of one layer.
        waves: Frequencies by which heights are encoded, above the ground and within the column, from one wave
            for 2 units, doubled each time; 8 tell layers of 8 thousandths apart.
        depth: Blocks of attention beside the usual four. They begin as if they were not there, so that a
            trained network can grow: `kg train --init RUN --set backbone.depth=3`.

    Raises:
        KgError: `vertical` is something else, a number is out of its bounds, or heights are to count where
            no direction is up.
    """

    level_channels = WIDTHS[1:]
    point_channels = POINT_CHANNELS
    global_channels = WIDTHS[-1]
    minimum_points = LEVELS[0]

    def __init__(
        self,
        vertical: Literal["z", "none"] = "z",
        apart: str = "1",
        waves: str = "0",
        depth: str = "0",
    ) -> None:
        super().__init__()
        if vertical not in ("z", "none"):
            raise KgError(f"vertical must be 'z' or 'none', not '{vertical}'.")
        options = {"apart": apart, "waves": waves, "depth": depth}
        own = Options(**read_values(Options, options, prefix="backbone."))
        self.apart, self.waves = own.apart, own.waves
        if vertical == "none" and (own.apart > 1 or own.waves):
            raise KgError(
                "Heights say nothing where no direction is up: vertical=none has no apart, no waves."
            )
        self.columns = columns = vertical == "z"
        fine, middle, coarse = WIDTHS
        self.begin = nn.Linear(4 + 5 * columns, fine)
        if self.waves:
            self.heights = nn.Linear(2 * HEIGHTS * self.waves, fine, bias=False)
            nn.init.zeros_(self.heights.weight)
        self.fine_down = nn.ModuleList(GraphConv(fine, NEAR[0]) for _ in range(2))
        self.to_middle = nn.ModuleList([nn.LayerNorm(fine), Pool(fine, middle, NEAR[0])])
        self.middle_down = nn.ModuleList(GraphConv(middle, NEAR[1]) for _ in range(2))
        self.to_coarse = nn.ModuleList([nn.LayerNorm(middle), Pool(middle, coarse, NEAR[2])])
        self.place = nn.Sequential(nn.Linear(3, coarse), nn.ReLU(), nn.Linear(coarse, coarse))
        self.attention = nn.Sequential(*(Attention(coarse) for _ in range(BLOCKS)), nn.LayerNorm(coarse))
        self.deeper = nn.Sequential(*(Attention(coarse, silent=True) for _ in range(own.depth)))
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
        spread = self._spread(points)
        rows = ops.farthest_point_sample(spread, LEVELS[0], start)
        # A prefix of the farthest points is farthest points.
        middle, coarse = (ops.gather(points, rows[:, :count]) for count in LEVELS)
        # Neighbours are searched for in the clouds with stretched heights; offsets are those of the clouds.
        pyramid = Pyramid([spread, *(ops.gather(spread, rows[:, :count]) for count in LEVELS)])
        _, middle_spread, coarse_spread = pyramid.clouds
        near = ops.ball_query(spread, spread, NEAR[0], MEMBERS)
        near_middle = ops.ball_query(middle_spread, middle_spread, NEAR[1], MEMBERS)

        values = self._begin(points)
        values = self.fine_down[0](values, points, near)
        if self.columns:
            column = self._columns(points)
            values = self.column_down(values, points, column)
        fine = self.fine_down[1](values, points, near)

        norm, pool = self.to_middle
        values = pool(
            norm(fine), points, middle, ops.ball_query(spread, middle_spread, NEAR[0], MEMBERS_DOWN)
        )
        for conv in self.middle_down:
            values = conv(values, middle, near_middle)
        level_1 = values

        norm, pool = self.to_coarse
        values = pool(
            norm(level_1), middle, coarse, ops.ball_query(middle_spread, coarse_spread, NEAR[2], MEMBERS)
        )
        values = values + self.place(2 * coarse)
        # The norm comes last.
        level_2 = self.attention[-1](self.deeper(self.attention[:-1](values)))
        whole = level_2.amax(1)

        values = self.middle_join(pyramid, 2, level_2, level_1, whole)
        values = self.middle_norm(self.middle_up(values, middle, near_middle))
        values = self.fine_join(pyramid, 1, values, fine, whole)
        if self.columns:
            values = self.column_up(values, points, column)
        values = self.fine_up(values, points, near)
        return Features(pyramid, [level_1, level_2], self.end(values), whole)

    def _spread(self, points: Tensor) -> Tensor:
        """Return clouds (B, N, 3) with their heights stretched, those that are flat up to `apart` times."""
        if self.apart == 1:
            return points
        heights = points[..., 2]
        factors = ROOM / (heights.amax(1) - heights.amin(1)).clamp(min=1e-6)
        ones = torch.ones_like(factors)
        return points * torch.stack([ones, ones, factors.clamp(1, self.apart)], dim=1)[:, None]

    def _begin(self, points: Tensor) -> Tensor:
        """Return the first features, (B, N, C): of each point's place and of statistics of its column."""
        heights = points[..., 2:]
        if not self.columns:
            return self._linear(points, 3 * heights)
        share, below, above, down, up = ops.column_statistics(points, COLUMN, MARGIN)[..., None].unbind(2)
        values = self._linear(points, share.log() + USUAL, below, above, 4 * down, 4 * up, 3 * heights)
        if self.waves:
            known = torch.cat([down, up, heights - heights.amin(1, keepdim=True)], dim=2)
            octaves = torch.pi * 2.0 ** torch.arange(self.waves, device=points.device)
            angles = (known[..., None] * octaves).flatten(2)
            values = values + self.heights(torch.cat([angles.sin(), angles.cos() - 1], dim=2))
        return values

    def _linear(self, *known: Tensor) -> Tensor:
        """Return the linear map of what is known of each point, scaled to about 1."""
        result: Tensor = self.begin(torch.cat(known, dim=2))
        return result

    def _columns(self, points: Tensor) -> Tensor:
        """Return the nearest points of each point's column, those of other layers among them, (B, N, k)."""
        flat = points * points.new_tensor([1, 1, FLATTENED])
        return ops.ball_query(flat, flat, COLUMN, MEMBERS)
