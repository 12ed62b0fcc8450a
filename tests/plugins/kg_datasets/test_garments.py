"""The data set of built-in garments."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kg import plugins
from kg.data import PrepareOptions
from kg.data.preparing.plan import make_plan
from kg.data.preparing.prepare import prepare
from kg.errors import KgError
from kg_datasets.garments import CATEGORIES, Garments

NOWHERE = Path("nowhere")

FROM_TO = {
    "hat": ("front brim", "crown"),
    "long-pants": ("crotch", "front waist"),
    "mask": ("chin", "nose"),
    "scarf": ("lower middle", "upper middle"),
    "short-pants": ("crotch", "front waist"),
    "skirt": ("back hem", "back waist"),
    "tie": ("blade tip", "tail tip"),
}
"""Landmarks of which the second lies above the first, by 15 cm if not said otherwise."""
FROM_TO_LEAST = {"mask": 0.08}


def items(category="shirt", **options):
    return Garments().items(category, NOWHERE, PrepareOptions(**options))


def test_it_is_found_by_its_name_and_needs_no_fetching():
    dataset = plugins.DATASETS.load("garments")()
    assert isinstance(dataset, Garments)
    assert dataset.builtin
    assert " ".join(dataset.find_categories(NOWHERE)) == (
        "hat jacket long-dress long-pants mask polo scarf shirt short-dress short-pants skirt tie vest"
    )


def test_items_are_known_without_making_them():
    assert len(items()) == 200
    few, many = items(objects=3), items(objects=12)
    assert [item.id for item in few] == ["shirt-0000", "shirt-0001", "shirt-0002"]
    assert many[:3] == few
    assert all(item.object == item.id for item in many)
    assert pickle.loads(pickle.dumps(few)) == few


@pytest.mark.parametrize("objects", [0, -1])
def test_no_garments_is_an_error(objects):
    with pytest.raises(KgError, match="cannot be made"):
        items(objects=objects)


def test_an_unknown_category_is_answered_with_the_likeliest():
    with pytest.raises(KgError, match="'shirts'") as caught:
        items("shirts")
    assert "Did you mean 'shirt'?" in caught.value.hint
    with pytest.raises(KgError, match="'sock'"):
        Garments().landmark_names("sock")


def test_a_garment_is_the_same_whatever_else_is_made():
    alone = Garments().load(items(objects=5)[4])
    again = [Garments().load(item) for item in items(objects=6)][4]
    assert np.array_equal(alone.vertices, again.vertices)
    assert np.array_equal(alone.faces, again.faces)
    assert np.array_equal(alone.landmarks, again.landmarks)


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_coarser_mesh_is_of_the_same_garment(category):
    item = items(category, objects=1)[0]
    usual, coarse = Garments().load(item), Garments().coarser(item, 1.5)
    assert 0.35 < len(coarse.vertices) / len(usual.vertices) < 0.55
    # To the vertex: patterns are cut along the same lines.
    places = [shape.rest_positions[nearest(shape)] for shape in (usual, coarse)]
    np.testing.assert_allclose(places[0], places[1], atol=1e-12)
    assert area(coarse) == pytest.approx(area(usual), rel=0.03)


def nearest(shape):
    return np.linalg.norm(shape.vertices[:, None] - shape.landmarks, axis=2).argmin(axis=0)


def area(shape):
    a, b, c = np.moveaxis(shape.rest_positions[shape.faces], 1, 0)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


@pytest.mark.parametrize(
    ("category", "vertices", "corner"),
    [
        ("shirt", 2173, [0.264860074, -0.312267418, 0.003450545]),
        ("long-pants", 2838, [0.258688365, -0.549901581, -0.052329343]),
        ("short-pants", 1291, [0.268646830, -0.246507741, 0.021046282]),
        ("skirt", 2908, [0.468139572, -0.352155267, -0.007181778]),
    ],
)
def test_a_seed_makes_what_it_always_made(category, vertices, corner):
    """Figures that were measured stay true only as long as their garments stay the same."""
    shape = Garments().load(items(category, objects=1)[0])
    assert len(shape.vertices) == vertices
    assert shape.landmarks[2] == pytest.approx(np.array(corner), abs=1e-6)


def test_seed_index_and_category_each_change_it():
    def waist(category, seed, index):
        shape = Garments().load(items(category, seed=seed, objects=index + 1)[index])
        side = list(Garments().landmark_names(category).values()).index("left waist side")
        vertex = (shape.vertices == shape.landmarks[side]).all(axis=1).argmax()
        return round(shape.rest_positions[vertex, 0], 9)

    # Long and short trousers draw their waists from one range, but not the same waists.
    variants = [("long-pants", 0, 0), ("long-pants", 0, 1), ("long-pants", 1, 0), ("short-pants", 0, 0)]
    assert len({waist(*variant) for variant in variants}) == len(variants)


@pytest.mark.parametrize("category", CATEGORIES)
def test_landmarks_and_material_are_of_the_surface(category):
    names = Garments().landmark_names(category)
    for item in items(category, objects=3):
        shape = Garments().load(item)
        assert shape.landmark_ids.tolist() == list(names)
        for landmark in shape.landmarks:
            assert (shape.vertices == landmark).all(axis=1).any()
        heights = {name: shape.landmarks[number, 1] for number, name in names.items()}
        low, high = FROM_TO.get(category, ("back hem", "back neck"))
        assert heights[high] - heights[low] > FROM_TO_LEAST.get(category, 0.15)
        # Rest lengths are lengths: an edge is as long on the pattern as on the shape, but for some strain.
        a, b, _ = shape.faces.T
        seen = np.linalg.norm(shape.vertices[a] - shape.vertices[b], axis=1)
        rest = np.linalg.norm(shape.rest_positions[a, :2] - shape.rest_positions[b, :2], axis=1)
        assert np.median(seen / rest) == pytest.approx(1, abs=0.015)


def test_names_say_whose_left_it_is():
    assert "left armpit" in Garments().landmark_names("shirt").values()
    shape = Garments().load(items()[0])
    names = Garments().landmark_names("shirt")
    x = {name: shape.landmarks[number, 0] for number, name in names.items()}
    # The front faces the viewer (+z), so that the wearer's left is on the viewer's right.
    assert x["left cuff top"] > 0.2
    assert x["right cuff top"] < -0.2


@pytest.mark.parametrize("category", ["shirt", "long-pants"])
def test_it_prepares_to_a_store(category, tmp_path, monkeypatch):
    monkeypatch.setenv("KG_HOME", str(tmp_path))
    made = prepare(
        make_plan(Garments(), category, NOWHERE, PrepareOptions(points=512, objects=3), strict=True)
    )
    store = made.store
    assert store.name == f"garments/{category}/laid"
    assert (store.unit, store.count, store.points_per_cloud) == ("metre", 3, 512)
    assert store.landmark_names == Garments().landmark_names(category)
    clouds = store.read()
    assert clouds.rest_positions is not None
    assert clouds.landmarks is not None
    # 512 points on 1 m² of cloth are some 5 cm apart.
    gap = np.linalg.norm(clouds.landmarks[:, :, None] - clouds.points[:, None], axis=-1).min(axis=-1)
    assert (gap * clouds.scale[:, None]).max() < 0.06
    assert set(store.splits()) == {0, 1, 2}
    assert not prepare(make_plan(Garments(), category, NOWHERE, PrepareOptions(points=512, objects=3))).made


def test_listing_garments_imports_nothing_heavy():
    code = """
import sys
import kg_datasets.garments
print([name for name in ("torch", "vtkmodules", "pyvista") if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_meshing_needs_no_graphics_library():
    code = """
import sys
from kg_datasets.garments import CATEGORIES, sew
sew(CATEGORIES["skirt"].middle().pattern())
print([name for name in sys.modules if "OpenGL" in name or "Rendering" in name])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
