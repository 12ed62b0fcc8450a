"""Distances as numbers that can be compared together with an index."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, untyped-decorator"

import triton
import triton.language as tl

NOTHING = tl.constexpr(0x7FFFFFFFFFFFFFFF)
"""A key above all others."""


@triton.jit
def load_points(points, index, inside):
    """Return x, y, z of the points at 64-bit indices."""
    at = points + index * 3
    return (
        tl.load(at, mask=inside, other=0.0),
        tl.load(at + 1, mask=inside, other=0.0),
        tl.load(at + 2, mask=inside, other=0.0),
    )


@triton.jit
def squared_distance(ax, ay, az, bx, by, bz):
    """Return squared distances, by differences and in the order of the specification."""
    dx, dy, dz = ax - bx, ay - by, az - bz
    return dx * dx + dy * dy + dz * dz


@triton.jit
def to_keys(distance, index):
    """Return keys that order by distance, then by index.

    A float that is not negative is ordered as its bits.
    """
    return (distance.to(tl.int32, bitcast=True).to(tl.int64) << 32) | index
