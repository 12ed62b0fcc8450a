"""Comparisons of what things reach, by vector instructions; numba makes none of comparisons by itself.

What a thing reaches is how far it goes in some directions, as float32, the opposite of each beside it: x, -x,
y, -y, z, -z of a box. Two things meet in a direction unless what one reaches there and what the other reaches
against it are below 0 together. For vertices these are rows of 24: a box in the first eight, of which two are
0, and in the other sixteen the twelve diagonals of its faces, and four that are 0.
"""

# mypy: disable-error-code="attr-defined, misc, no-untyped-call, no-untyped-def"

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

BOX, EIGHT, ROW = 6, 8, 24
"""Directions of a box, things that are compared at once, and what a vertex has in a row."""
DIAGONALS = ROW - EIGHT

PLACE, BIT = types.int64, ir.IntType(1)


def _lanes(builder, context, array, value, place, count):
    """Return so many numbers of an array, from a place on, as one vector."""
    start = builder.gep(context.make_array(array)(context, builder, value=value).data, [place])
    vector = ir.VectorType(ir.FloatType(), count)
    return builder.load(builder.bitcast(start, vector.as_pointer()), align=4)


def _reordered(builder, vector, order):
    return builder.shuffle_vector(
        vector, vector, ir.Constant(ir.VectorType(ir.IntType(32), len(order)), list(order))
    )


def _meets(builder, one, against):
    """Return in which lanes two things meet, a bit each."""
    return builder.fcmp_ordered(
        ">=", builder.fadd(one, against), ir.Constant(one.type, [0.0] * one.type.count)
    )


@intrinsic
def eight_that_meet(_, reached, eight, reach):
    """Return which of eight things meet another in all directions of a box, a bit each.

    Args:
        reached: (n, 6, 8), what eights of things reach.
        eight: Which of the n.
        reach: (8,), what the other reaches.
    """

    def generate(context, builder, _, arguments):
        eights, number, other = arguments
        other = _lanes(builder, context, reach, other, number.type(0), EIGHT)
        meet = ir.Constant(ir.VectorType(BIT, EIGHT), [1] * EIGHT)
        for direction in range(BOX):
            place = builder.add(builder.mul(number, number.type(BOX * EIGHT)), number.type(direction * EIGHT))
            theirs = _lanes(builder, context, reached, eights, place, EIGHT)
            against = _reordered(builder, other, [direction ^ 1] * EIGHT)
            meet = builder.and_(meet, _meets(builder, theirs, against))
        return builder.zext(builder.bitcast(meet, ir.IntType(EIGHT)), ir.IntType(64))

    return types.int64(reached, PLACE, reach), generate


def _diagonals_meet(split):
    """Return a function that tells whether sides meet, of which the first has so many of the four corners."""

    @intrinsic
    def meet(_, reached, i, j, k, m):
        """Tell whether two sides of vertices that reach so far (V, 24) meet in all diagonals."""

        def generate(context, builder, _, arguments):
            rows, *corners = arguments
            places = [
                builder.add(builder.mul(corner, corner.type(ROW)), corner.type(EIGHT)) for corner in corners
            ]
            reach = [_lanes(builder, context, reached, rows, place, DIAGONALS) for place in places]

            def farthest(first, *others):
                for other in others:
                    first = builder.select(builder.fcmp_ordered(">", first, other), first, other)
                return first

            one, other = farthest(*reach[:split]), farthest(*reach[split:])
            against = _reordered(builder, other, [lane ^ 1 for lane in range(DIAGONALS)])
            bits = builder.bitcast(_meets(builder, one, against), ir.IntType(DIAGONALS))
            return builder.icmp_unsigned("==", bits, bits.type(2**DIAGONALS - 1))

        return types.boolean(reached, PLACE, PLACE, PLACE, PLACE), generate

    return meet


vertex_meets_triangle, edges_meet = _diagonals_meet(1), _diagonals_meet(2)
