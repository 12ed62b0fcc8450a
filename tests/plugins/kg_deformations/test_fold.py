"""A garment is folded."""

from dataclasses import replace

import numpy as np
import pytest

from kg_deformations.fold import Fold, body, carry, half, recipe, sleeve, to_the_middle


def test_a_fold_in_half_lays_one_end_on_the_other(towel, run):
    _, frames = run(Fold(seconds=1.5, sloppiness=0.0), towel)
    before, after = np.ptp(frames[0][:, :2], axis=0), np.ptp(frames[-1][:, :2], axis=0)
    # One of its sides has become about half as long.
    assert (after / before).min() < 0.72
    assert frames[-1][:, 2].max() > frames[0][:, 2].max()


class Watched(Fold):
    """Folds whose grips are kept, with the time at which each was asked for."""

    def grips(self, garment, rng):
        self.__dict__["seen"] = []
        for until, grips in super().grips(garment, rng):
            self.seen.append((garment.simulation.time, *grips))
            yield until, grips


def test_folds_are_the_same_for_few_frames_as_for_many(towel, run):
    many = Watched(seconds=2.4, sloppiness=0.0)
    after = run(many, towel, count=60)[1][-1]
    for count in (2, 6, 16):
        few = Watched(seconds=2.4, sloppiness=0.0)
        made, frames = run(few, towel, count=count)
        last = frames[-1]
        assert len(few.seen) == len(many.seen) == 2
        for (asked, grip), (_, other) in zip(few.seen, many.seen, strict=True):
            assert (grip.start, grip.end) == (other.start, other.end)
            held, also = (made.simulation.cloth.rest[each.vertices] for each in (grip, other))
            assert held.mean(axis=0) == pytest.approx(also.mean(axis=0), abs=0.01)
            assert asked == pytest.approx(grip.start)
        assert np.ptp(last[:, :2], axis=0) == pytest.approx(np.ptp(after[:, :2], axis=0), rel=0.15)


def test_hands_take_nothing_that_stays_behind_the_crease(towel, make):
    garment = make(towel)
    whole = half(1, -1)(garment)
    edge = garment.positions[whole.hands, 1].mean()
    narrow = replace(whole, point=np.array([whole.point[0], edge + 0.01]))
    taken = garment.positions[carry(garment, narrow, 0.0, 1.0).vertices, 1]
    assert taken.max() < edge + 0.01
    assert garment.positions[carry(garment, whole, 0.0, 1.0).vertices, 1].max() > edge + 0.01


def test_a_hand_behind_the_crease_has_nothing_to_do(towel, make):
    garment = make(towel)
    crease = half(1, -1)(garment)
    first, second = crease.hands
    normal = garment.positions[first, :2] - garment.positions[second, :2]
    between = garment.positions[crease.hands, :2].mean(axis=0)
    grip = carry(garment, replace(crease, point=between, normal=normal / np.linalg.norm(normal)), 0.0, 1.0)
    assert grip.hands == (first,)


def test_a_crease_in_half_and_its_hands(towel, make):
    garment = make(towel)
    crease = half(1, -1)(garment)
    seen = garment.positions[:, :2]
    assert crease.point == pytest.approx((seen.min(axis=0) + seen.max(axis=0)) / 2)
    assert crease.normal.tolist() == [0, -1]
    hands = seen[crease.hands]
    assert hands[:, 1] == pytest.approx(seen[:, 1].min(), abs=0.02)
    assert np.ptp(hands[:, 0]) == pytest.approx(np.ptp(seen[:, 0]), abs=0.03)


def test_of_a_recipe_so_many_folds_are_made(towel, make):
    whole, once = (list(Fold(folds=folds).grips(make(towel), np.random.default_rng(0))) for folds in (3, 1))
    assert len(whole) > 1
    assert len(once) == 1
    assert once[0][0] == pytest.approx(Fold().seconds)


def sleeved(make, length):
    """A sheet with landmarks as a shirt's, its sleeves so long."""
    x, y = np.meshgrid(np.linspace(-0.6, 0.6, 61), np.linspace(0, 0.1, 6))
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
    number = np.arange(x.size).reshape(x.shape)
    a, b, c, d = (
        part.ravel() for part in (number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:])
    )
    faces = np.concatenate([np.stack([a, b, d], axis=1), np.stack([a, d, c], axis=1)])

    def at_place(x, y):
        return int(np.linalg.norm(vertices[:, :2] - [x, y], axis=1).argmin())

    places = {}
    for name, sign in (("left", 1), ("right", -1)):
        places[f"{name} armpit"] = at_place(sign * 0.2, 0)
        places[f"{name} cuff underside"] = at_place(sign * (0.2 + length), 0)
        places[f"{name} cuff top"] = at_place(sign * (0.2 + length), 0.1)
    return make((vertices, faces), places)


def test_only_long_sleeves_are_folded_by_themselves(make):
    rng = np.random.default_rng(0)
    assert len(recipe(sleeved(make, 0.4), rng)) == 3
    assert len(recipe(sleeved(make, 0.1), rng)) < 3


def test_a_sleeve_is_turned_down(make):
    garment = sleeved(make, 0.4)
    for side, out in (("left", 1), ("right", -1)):
        crease = sleeve(side)(garment)
        cuff = garment.flat(crease.hands[1])
        landed = cuff - 2 * ((cuff - crease.point) @ crease.normal) * crease.normal
        assert landed[1] < -0.2
        assert abs(landed[0]) < 0.25
        assert np.sign(crease.normal[0]) == out


def test_sleeves_are_turned_in_and_sides_laid_to_the_middle(make):
    """A sheet whose armpits are 0.4 apart, and whose short sleeves stick out."""
    garment = sleeved(make, 0.1)
    sleeves, sides, along = to_the_middle(garment, np.random.default_rng(0))
    assert (len(sleeves), len(sides), len(along)) == (2, 2, 1)
    for fold, at in zip((*sleeves, *sides), (0.2, 0.2, 0.1, 0.1), strict=True):
        crease = fold(garment)
        assert crease.point[0] * crease.normal[0] == pytest.approx(at, abs=0.001)
        hands = garment.positions[crease.hands, :2]
        assert hands[:, 0] * crease.normal[0] == pytest.approx([0.6, 0.6])
        assert np.ptp(hands[:, 1]) == pytest.approx(0.1)


def test_the_edge_is_turned_in_where_folds_have_dragged_the_rest_away(make):
    """As shirts that are thick and fold badly are: to where a crease has all of it on one side."""
    garment = sleeved(make, 0.1)
    for away in (-1.0, 1.0):
        garment.positions[:, 0] += away
        _, sides, _ = to_the_middle(sleeved(make, 0.1), np.random.default_rng(0))
        for crease in (fold(garment) for fold in sides):
            beyond = (garment.positions[:, :2] - crease.point) @ crease.normal
            if crease.normal[0] * away < 0:
                assert beyond.max() == pytest.approx(garment.simulation.cloth.edge)
            assert (beyond[crease.hands] > 0).all()
        garment.positions[:, 0] -= away


def test_a_body_is_found_without_landmarks(make):
    """A T whose body is 0.2 wide and whose sleeves span 0.5."""
    x, y = np.meshgrid(np.linspace(-0.25, 0.25, 51), np.linspace(0, 0.4, 41))
    kept = ((np.abs(x) < 0.101) | (y > 0.3)).ravel()
    number = np.cumsum(kept) - 1
    at = np.arange(x.size).reshape(x.shape)
    a, b, c, d = (part.ravel() for part in (at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]))
    faces = np.concatenate([np.stack([a, b, d], axis=1), np.stack([a, d, c], axis=1)])
    faces = number[faces[kept[faces].all(axis=1)]]
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)[kept]
    garment = make((vertices, faces))
    assert body(garment) == pytest.approx((-0.1, 0.1), abs=0.011)
    assert len(to_the_middle(garment, np.random.default_rng(0))[0]) == 2


def test_a_shop_fold_makes_a_packet(make_sheet, run):
    vertices, faces = make_sheet(14, 16)
    _, frames = run(Fold(seconds=3.0, style="middle", sloppiness=0.0), (vertices[:, [0, 2, 1]], faces))
    before, after = (np.ptp(frame[:, :2], axis=0) for frame in (frames[0], frames[-1]))
    assert (after / before).max() < 0.75


def test_what_is_narrow_is_only_folded_along(towel, make):
    garment = make(towel)
    garment.simulation.positions[:] = garment.positions[:, [0, 2, 1]]
    (along,) = to_the_middle(garment, np.random.default_rng(0))
    assert len(along) == 1
