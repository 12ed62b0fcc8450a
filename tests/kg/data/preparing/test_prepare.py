from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from kg import paths
from kg.data import Dataset, Item, PrepareOptions, Shape
from kg.data.camera import Camera
from kg.data.preparing.plan import make_plan
from kg.data.preparing.prepare import Prepared, prepare
from kg.data.store import Clouds
from kg.errors import KgError

OPTIONS = PrepareOptions(points=32)


def tetrahedron(number: int) -> Shape:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1 + number]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    return Shape(vertices, faces, vertices[:2], np.array([4, 7]), rest_positions=vertices)


@dataclass
class Fake(Dataset):
    """Tetrahedra that grow; some of them may be replaced."""

    name = "fake"
    title = "Fake"
    licence = "None"
    unit = "metre"
    categories = ("good", "other")
    count: int = 6
    instead: dict[int, Shape | KgError] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        if category != "good":
            return []
        return [
            Item(self.names.get(number, f"s{number}"), object=f"o{number // 2}", frame=number, source=number)
            for number in range(self.count)
        ]

    def load(self, item: Item) -> Shape:
        instead = self.instead.get(item.source)
        if isinstance(instead, KgError):
            raise instead
        return instead or tetrahedron(item.source)


def run(
    dataset: Dataset, options: PrepareOptions = OPTIONS, *, force: bool = False, strict: bool = False
) -> Prepared:
    return prepare(make_plan(dataset, "good", Path("raw"), options, strict=strict), force=force)


def test_points_landmarks_and_material_agree() -> None:
    made = run(Fake())
    assert made.made
    assert made.store.path == paths.store("fake", "good", "rest")
    clouds = made.store.read()
    assert clouds.points.shape == (6, 32, 3)
    assert clouds.landmarks is not None
    assert clouds.rest_positions is not None
    source = clouds.points * clouds.scale[:, None, None] + clouds.offset[:, None]
    # Material was set to the vertices themselves.
    np.testing.assert_allclose(source, clouds.rest_positions, atol=1e-5)
    np.testing.assert_allclose(clouds.points.min(axis=(1, 2)), -1)
    np.testing.assert_allclose(clouds.points.max(axis=(1, 2)), 1)
    landmarks = clouds.landmarks * clouds.scale[:, None, None] + clouds.offset[:, None]
    np.testing.assert_allclose(landmarks, np.tile([[0, 0, 0], [1, 0, 0]], (6, 1, 1)), atol=1e-5)
    assert made.store.provenance["options"]["points"] == 32


def test_the_split_is_by_object() -> None:
    made = run(Fake(count=20))
    splits = made.store.splits("object")
    assert (splits[::2] == splits[1::2]).all()
    assert (made.store.splits("frame")[::2] != made.store.splits("frame")[1::2]).any()


def test_broken_shapes_are_left_out_and_named() -> None:
    far = Shape(np.full((40, 3), 2.0))
    fake = Fake(instead={1: KgError("It is torn.", "Mend it."), 3: Shape(np.zeros((3, 3))), 4: far})
    progress: list[tuple[int, int]] = []
    made = prepare(
        make_plan(fake, "good", Path("raw"), OPTIONS), progress=lambda *values: progress.append(values)
    )
    assert made.store.read().ids == ["s0", "s2", "s5"]
    assert made.skipped[0] == ("s1", "It is torn. Mend it.")
    assert "3 points, 32 are needed" in made.skipped[1][1]
    assert "one place" in made.skipped[2][1]
    assert progress == [(number, 6) for number in range(7)]
    again = prepare(make_plan(fake, "good", Path("raw"), OPTIONS))
    assert not again.made
    assert again.skipped == made.skipped


def test_strict_stops_at_the_first_broken_shape() -> None:
    with pytest.raises(KgError, match="s1: It is torn") as caught:
        run(Fake(instead={1: KgError("It is torn.", "Mend it.")}), strict=True)
    assert caught.value.hint == "Mend it."
    assert not paths.store("fake", "good", "rest").exists()


def test_a_shape_comes_out_the_same_whatever_happens_to_the_others() -> None:
    whole = run(Fake()).store.read()
    torn = run(Fake(instead={0: KgError("torn")}), force=True).store.read()
    np.testing.assert_array_equal(torn.points, whole.points[1:])


def test_the_same_options_find_the_store_and_others_are_refused() -> None:
    first = run(Fake())
    assert not run(Fake()).made
    with pytest.raises(KgError, match=r"other options \(points 32\)") as caught:
        run(Fake(), PrepareOptions(points=16))
    assert "--force" in caught.value.hint
    assert first.store.points_per_cloud == 32
    assert run(Fake(), PrepareOptions(points=16), force=True).store.points_per_cloud == 16


def test_force_makes_it_again_even_with_the_same_options() -> None:
    run(Fake(count=6))
    assert run(Fake(count=4), force=True).store.count == 4


def test_variants_stand_beside_each_other() -> None:
    run(Fake())
    other = prepare(make_plan(Fake(), "good", Path("raw"), PrepareOptions(points=8), variant="small"))
    assert other.store.path == paths.store("fake", "good", "small")
    assert paths.store("fake", "good", "rest").exists()


def test_objects_at_most_with_all_their_frames() -> None:
    few = run(Fake(count=20), PrepareOptions(points=16, objects=3)).store.read()
    assert len(few.ids) == 6
    assert len(set(few.objects)) == 3
    other = run(Fake(count=20), PrepareOptions(points=16, objects=3, seed=1), force=True).store.read()
    assert set(other.objects) != set(few.objects)


def test_material_of_all_or_of_none() -> None:
    cloud = Shape(np.random.default_rng(0).normal(size=(40, 3)))
    assert not run(Fake(instead={2: cloud})).store.has_rest_positions


def test_missing_landmarks_are_nan() -> None:
    cloud = Shape(np.random.default_rng(0).normal(size=(40, 3)))
    clouds = run(Fake(instead={2: cloud})).store.read()
    assert clouds.landmarks is not None
    assert clouds.landmark_ids is not None
    assert np.isnan(clouds.landmarks[2]).all()
    assert clouds.landmark_ids.tolist() == [[4, 7], [4, 7], [-1, -1], [4, 7], [4, 7], [4, 7]]


def test_nothing_to_prepare() -> None:
    with pytest.raises(KgError, match="no shapes of the category 'bad'") as caught:
        prepare(make_plan(Fake(), "bad", Path("raw"), OPTIONS))
    assert "good, other" in caught.value.hint
    with pytest.raises(KgError, match=r"None of the 2 shapes could be read; the first: torn"):
        run(Fake(count=2, instead={0: KgError("torn"), 1: KgError("worn")}))
    with pytest.raises(KgError, match="'s0' names 3 shapes"):
        run(Fake(names={1: "s0", 2: "s0"}))


@pytest.mark.parametrize("category", ["../escape", "a/b", "", ".hidden", "a\\b"])
def test_a_category_becomes_no_path(category: str) -> None:
    with pytest.raises(KgError, match="cannot be called"):
        prepare(make_plan(Fake(), category, Path("raw"), OPTIONS))


class TestCamera:
    """Of the tetrahedra only what a camera sees, which is one for the frames of an object."""

    def stored(self, camera: Camera, seed: int = 0) -> Clouds:
        alike = Fake(instead=dict.fromkeys(range(6), tetrahedron(0)))
        return run(alike, PrepareOptions(points=128, camera=camera, seed=seed), force=True).store.read()

    def test_the_options_are_in_the_provenance_and_find_the_store(self) -> None:
        made = run(Fake(), PrepareOptions(points=32, camera=Camera(azimuth=10)))
        assert made.store.provenance["options"]["camera"]["azimuth"] == 10
        assert not run(Fake(), PrepareOptions(points=32, camera=Camera(azimuth=10))).made
        with pytest.raises(KgError, match="other options"):
            run(Fake(), PrepareOptions(points=32))

    def test_points_keep_their_material(self) -> None:
        clouds = self.stored(Camera())
        assert clouds.rest_positions is not None
        source = clouds.points * clouds.scale[:, None, None] + clouds.offset[:, None]
        np.testing.assert_allclose(source, clouds.rest_positions, atol=1e-5)
        # From 20 degrees above the horizon nobody sees the bottom, y = 0.
        assert (clouds.rest_positions[..., 1] > 1e-6).all()

    @pytest.mark.parametrize(("per", "same"), [("object", True), ("cloud", False)])
    def test_frames_of_an_object_are_seen_from_one_side(self, per: str, same: bool) -> None:
        """Of the three upright sides a camera sees one, two or three."""
        rest_positions = self.stored(Camera(per=per)).rest_positions
        assert rest_positions is not None
        x, y, z = (rest_positions[..., axis] < 1e-6 for axis in range(3))
        sides = np.stack([x.any(axis=1), y.any(axis=1), z.any(axis=1)], axis=1)
        assert (sides[::2] == sides[1::2]).all() == same

    def test_the_seed_decides(self) -> None:
        first, again, other = self.stored(Camera()), self.stored(Camera()), self.stored(Camera(), seed=1)
        np.testing.assert_array_equal(first.points, again.points)
        assert (first.points != other.points).any()
