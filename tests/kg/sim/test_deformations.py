"""Drop, drag and fold on a small sheet."""

import numpy as np
import pytest

from kg.errors import KgError
from kg.sim import Cloth, Settings, Simulation
from kg.sim.deformation import LAID, LATE, lay_down
from kg.sim.drag import Drag
from kg.sim.drop import Drop
from kg.sim.fold import Fold, half, recipe, sleeve
from kg.sim.garment import Garment
from kg.sim.options import DEFORMATIONS, deformation, options
from kg.sim.quality import measure

COARSE = Settings(step=1 / 1200)


def make(sheet, places=None):
    vertices, faces = sheet
    return Garment(Simulation(Cloth.of_mesh(vertices, faces), COARSE), places or {})


@pytest.fixture
def towel(make_sheet):
    vertices, faces = make_sheet(8, 24)
    return vertices[:, [0, 2, 1]], faces


def run(how, sheet, seed=0, count=9):
    garment = make(sheet)
    return garment, list(how.frames(garment, count, np.random.default_rng(seed)))


@pytest.mark.parametrize("kind", DEFORMATIONS.values())
def test_frames_are_cloth_and_the_same_for_the_same_seed(kind, towel):
    garment, frames = run(kind(seconds=1.2), towel)
    assert len(frames) == 9
    quality = measure(frames, garment.simulation.cloth, garment.simulation.thickness)
    assert quality.crossing == 0
    assert quality.stretch_99 < 0.1
    assert quality.below < 1e-9
    again, other = run(kind(seconds=1.2), towel)[1], run(kind(seconds=1.2), towel, seed=1)[1]
    assert np.array(frames).tobytes() == np.array(again).tobytes()
    assert np.abs(frames[-1] - other[-1]).max() > 0.01


def test_a_drop_begins_at_a_height_and_ends_on_the_ground(towel):
    garment, frames = run(Drop(seconds=1.0, lowest=0.3, highest=0.3), towel)
    assert frames[0][:, 2].min() == pytest.approx(0.3)
    assert frames[-1][:, 2].min() == pytest.approx(garment.simulation.thickness / 2)


@pytest.mark.parametrize("thin", [0, 1, 2])
def test_what_stands_is_laid_down_without_being_mirrored(towel, thin):
    vertices, faces = towel
    stands = vertices[:, [[2, 1, 0], [0, 2, 1], [0, 1, 2]][thin]]
    garment = make((stands, faces))
    lay_down(garment, 0.1)
    laid = garment.positions
    assert np.ptp(laid[:, 2]) < garment.simulation.thickness
    # What was up its length is y, but where y itself was thin: then it is what was z.
    along = stands[:, 2 if thin == 1 else 1]
    assert np.corrcoef(laid[:, 1], along)[0, 1] > 0.99
    turn = np.eye(3)[LAID[thin]] * [[1], [1], [1 if thin == 2 else -1]]
    assert np.linalg.det(turn) == pytest.approx(1)


def test_a_drag_takes_cloth_along(towel):
    _, frames = run(Drag(seconds=1.5, shortest=0.6, longest=0.6, turns=0), towel)
    moved = np.linalg.norm(frames[-1][:, :2].mean(axis=0) - frames[0][:, :2].mean(axis=0))
    assert 0.3 < moved < 0.65


def test_a_fold_in_half_lays_one_end_on_the_other(towel):
    _, frames = run(Fold(seconds=1.5, sloppiness=0.0), towel)
    before, after = np.ptp(frames[0][:, :2], axis=0), np.ptp(frames[-1][:, :2], axis=0)
    # One of its sides has become about half as long.
    assert (after / before).min() < 0.72
    assert frames[-1][:, 2].max() > frames[0][:, 2].max()


@pytest.mark.parametrize("how", [Drag(seconds=2.0, lift=0.0), Fold(seconds=2.0)], ids=["drag", "fold"])
def test_hands_keep_what_they_hold(make_sheet, how):
    vertices, faces = make_sheet(32, 40)
    cloth = Cloth.of_mesh(vertices[:, [0, 2, 1]], faces)
    garment = Garment(Simulation(cloth, how.cloth), {})
    slips = [garment.simulation.slip for _ in how.frames(garment, 21, np.random.default_rng(0))]
    assert 0 < max(slips) < cloth.edge


class Watched(Fold):
    """Folds whose grips are kept, with the time at which each was asked for."""

    def grips(self, garment, rng):
        self.__dict__["seen"] = []
        for until, grips in super().grips(garment, rng):
            self.seen.append((garment.simulation.time, *grips))
            yield until, grips


def test_folds_are_the_same_for_few_frames_as_for_many(towel):
    many = Watched(seconds=1.2, sloppiness=0.0)
    after = run(many, towel, count=60)[1][-1]
    for count in (2, 3, 6, 8, 12, 16):
        few = Watched(seconds=1.2, sloppiness=0.0)
        last = run(few, towel, count=count)[1][-1]
        assert len(few.seen) == len(many.seen) == 2
        for (asked, grip), (_, other) in zip(few.seen, many.seen, strict=True):
            assert (grip.start, grip.end) == (other.start, other.end)
            assert grip.vertices.tolist() == other.vertices.tolist()
            assert -1e-9 < asked - grip.start < LATE * 1.2 + 1e-9
        assert np.ptp(last[:, :2], axis=0) == pytest.approx(np.ptp(after[:, :2], axis=0), rel=0.15)


def test_a_crease_in_half_and_its_hands(towel):
    garment = make(towel)
    crease = half(1, -1)(garment)
    seen = garment.positions[:, :2]
    assert crease.point == pytest.approx((seen.min(axis=0) + seen.max(axis=0)) / 2)
    assert crease.normal.tolist() == [0, -1]
    hands = seen[crease.hands]
    assert hands[:, 1] == pytest.approx(seen[:, 1].min(), abs=0.02)
    assert np.ptp(hands[:, 0]) == pytest.approx(np.ptp(seen[:, 0]), abs=0.03)


def test_of_a_recipe_so_many_folds_are_made(towel):
    whole, once = (list(Fold(folds=folds).grips(make(towel), np.random.default_rng(0))) for folds in (3, 1))
    assert len(whole) > 1
    assert len(once) == 1
    assert once[0][0] == pytest.approx(Fold().seconds)


def sleeved(length):
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


def test_only_long_sleeves_are_folded_by_themselves():
    rng = np.random.default_rng(0)
    assert len(recipe(sleeved(0.4), rng)) == 3
    assert len(recipe(sleeved(0.1), rng)) < 3


def test_a_sleeve_is_turned_down():
    garment = sleeved(0.4)
    for side, out in (("left", 1), ("right", -1)):
        crease = sleeve(side)(garment)
        cuff = garment.flat(crease.hands[1])
        landed = cuff - 2 * ((cuff - crease.point) @ crease.normal) * crease.normal
        assert landed[1] < -0.2
        assert abs(landed[0]) < 0.25
        assert np.sign(crease.normal[0]) == out


def test_options_are_read_from_text():
    how, cloth = deformation("drag", {"turns": "4", "lift": "0.1", "bend": "1e-4"})
    assert (how.turns, how.lift, cloth.bend) == (4, 0.1, 1e-4)
    assert {"turns", "bend", "step"} <= options("drag").keys()


def test_options_count_together_in_whatever_order():
    """Both are above the usual range of heights, 0.1 to 0.6."""
    for names in (("lowest", "highest"), ("highest", "lowest")):
        how, _ = deformation("drop", {name: {"lowest": "0.8", "highest": "1"}[name] for name in names})
        assert (how.lowest, how.highest) == (0.8, 1)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("twist", {}, "no deformation 'twist'"),
        ("fold", {"turns": "1"}, "no option of fold 'turns'"),
        ("drag", {"turns": "1.5"}, "cannot be '1.5'"),
        ("drop", {"spin": "fast"}, "cannot be 'fast'"),
        ("drop", {"bend": "-1"}, "bend above 0"),
        ("drop", {"seconds": "0"}, "drop needs seconds above 0"),
        ("drop", {"lowest": "0.7"}, "lowest of at most highest, 0.6"),
        ("drag", {"winding": "nan"}, "winding of at least 0, not nan"),
        ("drag", {"stretch": "inf"}, "stretch above 0, not inf"),
        ("fold", {"folds": "0"}, "folds above 0"),
    ],
)
def test_what_is_no_option_is_refused(name, given, message):
    with pytest.raises(KgError, match=message):
        deformation(name, given)
