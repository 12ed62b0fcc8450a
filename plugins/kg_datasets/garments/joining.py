"""From halves and outlines to whole patterns."""

from collections.abc import Sequence

from kg_datasets.garments.curves import Curve, line
from kg_datasets.garments.half import Collar, Edge, Half, mirrored
from kg_datasets.garments.pattern import BACK, EDGE, FRONT, OVER, UNDER, Limb, Line, Panel, Pattern, Walk


def join(left: Half, half: Half, edge: float = EDGE) -> Pattern:
    """Return the pattern of a left half, and of another that is mirrored to be the right one."""
    right = mirrored(half)
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
        seam = line(on_left[0].curve[0], left.slit[0])
        below: Walk = ((Line(on_left[0].start, left.slit_end, seam), True),)
        feet = left.slit_end, left.slit_end
        places = (*places, left.slit_end)
    else:
        below, feet = (), (on_left[0].start, on_right[-1].end)
    left_slit = Line(feet[0], on_left[-1].end, left.slit)
    right_slit = Line(feet[1], on_right[0].start, right.slit)
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
    tips, sides, middle = _both("collar tip"), _both("collar side"), "collar back"
    throats, necks = (fronts[0].end, fronts[1].start), (fronts[0].start, fronts[1].end)
    halves = (left, right)
    front = [Line(start, end, half.front) for start, end, half in zip(throats, tips, halves, strict=True)]
    outer = [Line(start, end, half.outer) for start, end, half in zip(tips, sides, halves, strict=True)]
    fold = [Line(start, end, half.side) for start, end, half in zip(necks, sides, halves, strict=True)]
    back = [Line(side, middle, half.back) for side, half in zip(sides, halves, strict=True)]
    panels = [
        Panel(OVER, ((fronts[0], True), (front[0], True), (outer[0], True), (fold[0], False))),
        Panel(OVER, ((fronts[1], True), (fold[1], True), (outer[1], False), (front[1], False))),
        Panel(
            UNDER,
            (*_forwards([*backs, fold[1], back[1]]), *_backwards(_forwards([fold[0], back[0]]))),
        ),
    ]
    return panels, (tips[0], sides[0], middle, sides[1], tips[1])


def _both(place: str) -> tuple[str, str]:
    return f"left {place}", f"right {place}"


def _forwards(lines: Sequence[Line]) -> Walk:
    return tuple((line, True) for line in lines)


def _backwards(walk: Walk) -> Walk:
    return tuple((line, not forwards) for line, forwards in reversed(walk))


def _after(names: Sequence[str]) -> list[str]:
    return [*names[1:], names[0]]


def _back(piece: Edge) -> Curve:
    assert piece.back is not None
    return piece.back
