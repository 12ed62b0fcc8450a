"""Patterns drawn as their half on the wearer's left.

Front and back of a garment are cut alike but for their openings, so one walk around the outline
describes both. The right half is drawn in the same way from sizes that differ a little, and mirrored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg_datasets.garments.curves import Curve
from kg_datasets.garments.pattern import BACK, EDGE, FRONT, OVER, UNDER, Limb, Line, Panel, Pattern

Walk = tuple[tuple[Line, bool], ...]


@dataclass(frozen=True, eq=False)
class Edge:
    """A stretch of an outline, anticlockwise, from a named place to where the next edge begins.

    Attributes:
        start: Name of the place it begins at.
        front: Its curve on the front panel.
        back: Its curve on the back panel if it is open (a neckline, a hem); None if it is a seam,
            which has one curve and is sewn.
    """

    start: str
    front: Curve
    back: Curve | None = None


@dataclass(frozen=True, eq=False)
class Collar:
    """A collar turned down, one half: it lies over the front and under the back, sewn to the neckline.

    Attributes:
        front: From the front's end of the neckline to the collar's tip.
        outer: From the tip to the collar's side, which lies out beyond the shoulder.
        side: From the side of the neck to the collar's side.
        back: From the collar's side to the middle of its back.
    """

    front: Curve
    outer: Curve
    side: Curve
    back: Curve


@dataclass(frozen=True, eq=False)
class Half:
    """The left half of a pattern: anticlockwise from the centre line's lower end to its upper end.

    Attributes:
        edges: The first begins at the centre line, the last ends at it.
        end: Name of the place where the last ends.
        limb: Its sleeve or leg, if it has one.
        slit: The front's own edge, from the first edge's beginning to the last's end, where the front is
            open from top to bottom; or down to the place `slit_end`, below which it is sewn.
        slit_end: Name of that place, if it is not the hem.
        collar: Its collar, if it has one; it has a slit then, and its last edge is the neckline.
        layers: 2, or 1 for a garment that is a single piece of cloth.
        holes: Closed curves, clockwise, in a garment of one layer.
    """

    edges: Sequence[Edge]
    end: str
    limb: Limb | None = None
    slit: Curve | None = None
    slit_end: str = ""
    collar: Collar | None = None
    layers: int = 2
    holes: tuple[Curve, ...] = ()


def join(left: Half, half: Half, edge: float = EDGE) -> Pattern:
    """Return the pattern of a left half, and of another that is mirrored to be the right one."""
    right = _mirrored_half(half)
    places = [piece.start for piece in left.edges[1:]]
    up = [left.edges[0].start, *(f"left {place}" for place in places)]
    down = [left.end, *(f"right {place}" for place in reversed(places))]
    outline = [
        Edge(start, piece.front, piece.back)
        for start, piece in zip([*up, *down], [*left.edges, *right.edges], strict=True)
    ]
    limbs = tuple(side.limb for side in (left, right) if side.limb)
    if left.layers == 1:
        return one_layer(outline, left.holes + right.holes, edge)
    if left.slit is None or right.slit is None:
        return two_layers(outline, limbs, edge)
    return _cut_open(outline, left, right, limbs, edge)


def one_layer(outline: Sequence[Edge], holes: tuple[Curve, ...] = (), edge: float = EDGE) -> Pattern:
    """Return the pattern of one panel."""
    places = [piece.start for piece in outline]
    lines = [
        Line(start, end, piece.front)
        for start, end, piece in zip(places, _after(places), outline, strict=True)
    ]
    return Pattern((Panel(0, _forwards(lines), holes),), tuple(places), edge=edge)


def two_layers(outline: Sequence[Edge], limbs: tuple[Limb, ...] = (), edge: float = EDGE) -> Pattern:
    """Return the pattern of a front and a back with one outline, but for the openings in it.

    Each place where two edges meet is one if it lies on a seam, and else two: one on the front's rim of
    the opening and one on the back's.
    """
    fronts, backs, places = _layers(outline)
    panels = Panel(FRONT, _forwards(fronts)), Panel(BACK, _forwards(backs))
    return Pattern(panels, places, limbs, edge)


def _layers(
    outline: Sequence[Edge], cut: frozenset[str] = frozenset()
) -> tuple[list[Line], list[Line], tuple[str, ...]]:
    """Return the lines of front and back, and all their places.

    At the places `cut`, the front has two: one where the edge before ends, one where this one starts.
    """
    front_ends: list[str] = []
    front_starts: list[str] = []
    back_names: list[str] = []
    places: list[str] = []
    for before, piece in zip((outline[-1], *outline), outline, strict=False):
        name = piece.start
        if before.back is None or piece.back is None:
            ends = [name, name, name]
        elif name in cut:
            # The walk comes to the lower end on the right side and leaves it on the left.
            first, then = ("right", "left") if piece is outline[0] else ("left", "right")
            ends = [f"{first} front {name}", f"{then} front {name}", f"back {name}"]
        else:
            ends = [f"front {name}", f"front {name}", f"back {name}"]
        places += sorted(set(ends), key=lambda place: ("back" in place, "right" in place))
        front_ends.append(ends[0])
        front_starts.append(ends[1])
        back_names.append(ends[2])
    fronts, backs = [], []
    for piece, front_start, front_end, back_start, back_end in zip(
        outline, front_starts, _after(front_ends), back_names, _after(back_names), strict=True
    ):
        fronts.append(Line(front_start, front_end, piece.front))
        sewn = piece.back is None
        backs.append(fronts[-1] if sewn else Line(back_start, back_end, _back(piece)))
    return fronts, backs, tuple(places)


def _cut_open(
    outline: Sequence[Edge], left: Half, right: Half, limbs: tuple[Limb, ...], edge: float
) -> Pattern:
    """Return the pattern of a garment whose front is two panels, with the collar, if it has one."""
    assert left.slit is not None
    assert right.slit is not None
    top, bottom, count = left.end, left.edges[0].start, len(left.edges)
    cut = frozenset({top} if left.slit_end else {top, bottom})
    fronts, backs, places = _layers(outline, cut)
    on_left, on_right = fronts[:count], fronts[count:]
    if left.slit_end:
        low = left.slit[0]
        seam = Line(on_left[0].start, left.slit_end, np.array([on_left[0].curve[0], low]))
        places = (*places, left.slit_end)
        below: tuple[tuple[Line, bool], ...] = ((seam, True),)
        slit_start = (left.slit_end, left.slit_end)
    else:
        below, slit_start = (), (on_left[0].start, on_right[-1].end)
    left_slit = Line(slit_start[0], on_left[-1].end, left.slit)
    right_slit = Line(slit_start[1], on_right[0].start, right.slit)
    panels = [
        Panel(FRONT, (*_forwards(on_left), (left_slit, False), *_backwards(below))),
        Panel(FRONT, (*_forwards(on_right), *below, (right_slit, True))),
        Panel(BACK, _forwards(backs)),
    ]
    if left.collar and right.collar:
        necks = (on_left[-1], on_right[0]), (backs[count - 1], backs[count])
        collar, more = _collar(left.collar, right.collar, *necks)
        panels += collar
        places += more
    return Pattern(tuple(panels), places, limbs, edge)


def _collar(
    left: Collar, right: Collar, fronts: tuple[Line, Line], backs: tuple[Line, Line]
) -> tuple[list[Panel], tuple[str, ...]]:
    """Return a collar's two wings and its back, and their places."""
    tips, sides, middle = (
        ("left collar tip", "right collar tip"),
        ("left collar side", "right collar side"),
        "collar back",
    )
    ends = fronts[0].end, fronts[1].start
    necks = fronts[0].start, fronts[1].end
    front = [Line(ends[i], tips[i], side.front) for i, side in enumerate((left, right))]
    outer = [Line(tips[i], sides[i], side.outer) for i, side in enumerate((left, right))]
    fold = [Line(necks[i], sides[i], side.side) for i, side in enumerate((left, right))]
    back = [Line(sides[i], middle, side.back) for i, side in enumerate((left, right))]
    panels = [
        Panel(OVER, ((fronts[0], True), (front[0], True), (outer[0], True), (fold[0], False))),
        Panel(OVER, ((fronts[1], True), (fold[1], True), (outer[1], False), (front[1], False))),
        Panel(
            UNDER,
            (
                *_forwards(backs),
                (fold[1], True),
                (back[1], True),
                (back[0], False),
                (fold[0], False),
            ),
        ),
    ]
    return panels, (tips[0], sides[0], middle, sides[1], tips[1])


def _forwards(lines: Sequence[Line]) -> Walk:
    return tuple((line, True) for line in lines)


def _backwards(walk: Walk) -> Walk:
    return tuple((line, not forwards) for line, forwards in reversed(walk))


def _after(names: Sequence[str]) -> list[str]:
    return [*names[1:], names[0]]


def _back(piece: Edge) -> Curve:
    assert piece.back is not None
    return piece.back


def _mirrored_half(half: Half) -> Half:
    edges = [
        Edge(
            edge.start, _mirrored(edge.front)[::-1], None if edge.back is None else _mirrored(edge.back)[::-1]
        )
        for edge in reversed(half.edges)
    ]
    limb = half.limb and Limb(
        _mirrored(half.limb.corner), _mirrored(half.limb.along), _mirrored(half.limb.across), half.limb.width
    )
    collar = half.collar and Collar(
        _mirrored(half.collar.front),
        _mirrored(half.collar.outer),
        _mirrored(half.collar.side),
        _mirrored(half.collar.back),
    )
    return Half(
        edges,
        half.edges[0].start,
        limb,
        slit=None if half.slit is None else _mirrored(half.slit),
        slit_end=half.slit_end,
        collar=collar,
        layers=half.layers,
        holes=tuple(_mirrored(hole)[::-1] for hole in half.holes),
    )


def _mirrored(points: NDArray[np.float64]) -> NDArray[np.float64]:
    mirrored: NDArray[np.float64] = points * np.array([-1.0, 1.0])
    return mirrored
