import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from kg.data import Dataset, Mesh, PrepareOptions, read_mesh
from kg.data.normalise import to_source
from kg.data.preparing.plan import make_plan
from kg.data.preparing.prepare import prepare
from kg.data.read import every_shape_file
from kg.errors import KgError
from kg.plugins import DATASETS
from kg_datasets.folder import dataset, families

OPTIONS = PrepareOptions(points=64)


@pytest.fixture
def folder() -> Dataset:
    return DATASETS.load("folder")()


def write_obj(file: Path, vertices: np.ndarray, faces: list[list[int]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    lines += ["f " + " ".join(str(corner + 1) for corner in face) for face in faces]
    file.write_text("\n".join(lines) + "\n")


def write_clouds(root: Path, points: Mapping[str, int]) -> None:
    for name, count in points.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, np.random.default_rng(count).normal(size=(count, 3)))


def test_a_flat_folder_is_one_category_of_any_name(tmp_path: Path, folder: Dataset) -> None:
    write_clouds(tmp_path / "mine", {"b.npy": 70, "a.npy": 80, "more/c.npy": 90})
    (tmp_path / "mine" / "LICENSE.txt").write_text("None.")
    assert folder.find_categories(tmp_path / "mine") == ("mine",)
    for category in ("mine", "mug"):
        items = folder.items(category, tmp_path / "mine", OPTIONS)
        assert [item.id for item in items] == ["a", "b", "more/c"]
        assert [item.object for item in items] == ["a", "b", "more/c"]
        assert [len(folder.load(item).vertices) for item in items] == [80, 70, 90]


def test_sub_folders_are_categories(tmp_path: Path, folder: Dataset) -> None:
    write_clouds(tmp_path, {"mug/1.npy": 70, "mug/deep/2.npy": 70, "bowl/1.npy": 70})
    (tmp_path / "notes").mkdir()
    assert folder.find_categories(tmp_path) == ("bowl", "mug")
    assert [item.id for item in folder.items("mug", tmp_path, OPTIONS)] == ["1", "deep/2"]
    with pytest.raises(KgError, match="no category 'mgu'") as caught:
        folder.items("mgu", tmp_path, OPTIONS)
    assert "Did you mean 'mug'?" in caught.value.hint


def test_the_split_of_modelnet_stands(tmp_path: Path, folder: Dataset) -> None:
    write_clouds(tmp_path, {"mug/train/mug_1.npy": 70, "mug/test/mug_2.npy": 70, "mug/mug_3.npy": 70})
    splits = {item.id: item.split for item in folder.items("mug", tmp_path, OPTIONS)}
    assert splits == {"train/mug_1": "train", "test/mug_2": "test", "mug_3": None}


def test_poses_of_one_mesh_know_where_their_points_belong(tmp_path: Path, folder: Dataset) -> None:
    """A sheet of bent quads, folded over: a sample's rest position is found from its pose by unfolding it."""
    side = np.linspace(0, 1, 9)
    rest = np.array([[x, y, 0] for y in side for x in side])
    quads = [[9 * r + c, 9 * r + c + 1, 9 * r + c + 10, 9 * r + c + 9] for r in range(8) for c in range(8)]
    folded = rest * [1, 1, 0]
    over = rest[:, 0] > 0.5
    folded[over, 0] = 1 - rest[over, 0]
    folded[over, 2] = 0.25
    write_obj(tmp_path / "0_rest.obj", rest, quads)
    write_obj(tmp_path / "1_moved.obj", rest + np.array([3, 0, 1]), quads)
    write_obj(tmp_path / "2_folded.obj", folded, quads)
    clouds = prepare(make_plan(folder, "sheet", tmp_path, OPTIONS)).store.read()
    assert clouds.rest_positions is not None
    source = to_source(clouds.points, clouds.scale, clouds.offset)
    np.testing.assert_allclose(clouds.rest_positions[0], source[0], atol=1e-6)
    np.testing.assert_allclose(clouds.rest_positions[1], source[1] - [3, 0, 1], atol=1e-6)
    upper = source[2][:, 2] > 0.249
    unfolded = np.where(upper, 1 - source[2][:, 0], source[2][:, 0])
    # Between the layers a quad stands upright: there x does not tell.
    plain = upper | (source[2][:, 2] < 0.001)
    assert 0.1 < upper.mean() < 0.9
    np.testing.assert_allclose(clouds.rest_positions[2][plain, 0], unfolded[plain], atol=1e-6)
    np.testing.assert_allclose(clouds.rest_positions[2][:, 1], source[2][:, 1], atol=1e-6)


def test_a_sharply_bent_quad_does_not_break_the_correspondence(tmp_path: Path, folder: Dataset) -> None:
    """Cut for itself, this quad is cut along its other diagonal; the first mesh's cut holds for both."""
    flat = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 0, 0], [2, 1, 0]], float)
    bent = flat.copy()
    bent[2] = [0.2, 0.2, 0.0]
    faces = [[3, 0, 1, 2], [1, 4, 5, 2]]
    write_obj(tmp_path / "a.obj", flat, faces)
    write_obj(tmp_path / "b.obj", bent, faces)
    write_obj(tmp_path / "c.obj", flat * [1, 1, 1] + [0, 0, 5], faces)
    first, second, _ = (folder.load(item) for item in folder.items("sheet", tmp_path, OPTIONS))
    assert first.faces is not None
    assert second.faces is not None
    assert first.faces.tolist() == second.faces.tolist()
    assert second.rest_positions is not None
    np.testing.assert_array_equal(second.rest_positions, flat)


def sheet(width: float = 1.0, cells: int = 4) -> tuple[np.ndarray, list[list[int]]]:
    """Return a flat sheet of cells × cells quads, the half right of the middle `width` as wide."""
    side, row = np.linspace(0, 1, cells + 1), cells + 1
    across = np.where(side > 0.5, 0.5 + (side - 0.5) * width, side)
    vertices = np.array([[x, y, 0] for y in side for x in across])
    corners = [row * r + c for r in range(cells) for c in range(cells)]
    return vertices, [[corner, corner + 1, corner + row + 1, corner + row] for corner in corners]


def bent(vertices: np.ndarray, angle: float, scale: float = 1.0) -> np.ndarray:
    """Return the vertices with what lies right of the middle turned up by an angle: no edge is stretched."""
    turned, over = vertices.copy(), vertices[:, 0] > 0.5
    beyond = vertices[over, 0] - 0.5
    turned[over, 0] = 0.5 + np.cos(angle) * beyond
    turned[over, 2] = np.sin(angle) * beyond
    return scale * turned


def sequence(root: Path, name: str, width: float = 1.0, frames: int = 4) -> None:
    vertices, quads = sheet(width)
    for frame in range(frames):
        write_obj(root / name / f"{frame}.obj", bent(vertices, 0.4 * frame), quads)


def test_a_folder_of_poses_is_one_object_of_many_frames(tmp_path: Path, folder: Dataset) -> None:
    """Bent and in other scales, 2 larger than 1 as by stretching; frames follow numbers, not letters."""
    flat, quads = sheet()
    for number, angle in ((10, 1.5), (2, 0.7), (1, 0.0)):
        write_obj(tmp_path / "all" / "shirt" / f"{number}.obj", bent(flat, angle, 1 + number / 10), quads)
    write_obj(tmp_path / "all" / "other" / "1.obj", bent(sheet(2)[0], 0.3), quads)
    items = folder.items("all", tmp_path, OPTIONS)
    assert [(item.id, item.object, item.frame, item.rest_id) for item in items] == [
        ("other/1", "other/1", 0, "other/1"),
        ("shirt/1", "shirt", 0, "shirt/2"),
        ("shirt/2", "shirt", 1, "shirt/2"),
        ("shirt/10", "shirt", 2, "shirt/2"),
    ]
    # All in one folder, the object goes by the name of the category.
    flat_items = folder.items("polo", tmp_path / "all" / "shirt", OPTIONS)
    assert [(item.id, item.object) for item in flat_items] == [("1", "polo"), ("2", "polo"), ("10", "polo")]


def objects(folder: Dataset, root: Path, options: PrepareOptions = OPTIONS) -> dict[str, str]:
    return {item.id: item.object for item in folder.items("raw", root, options)}


def test_a_noisy_sequence_stays_one_object(tmp_path: Path, folder: Dataset) -> None:
    """Noise as long as an edge leaves no distance as it was; the faces are the same for all that."""
    flat, quads = sheet()
    rng = np.random.default_rng(0)
    for name in ("spread", "half", "folded", "crumpled"):
        write_obj(tmp_path / "raw" / f"{name}.obj", flat + rng.normal(scale=0.25, size=flat.shape), quads)
    assert set(objects(folder, tmp_path / "raw").values()) == {"raw"}
    assert folder.understood(folder.items("raw", tmp_path / "raw", OPTIONS), OPTIONS)[0] == (
        "1 object, 4 frames, correspondence: yes"
    )


def test_clouds_with_numbers_in_their_names_stay_together(tmp_path: Path, folder: Dataset) -> None:
    names = ("cloth", "cloth.001", "cloth.002", "cloth-17", "chair", "a/000", "a/010", "b/000", "b/1_x")
    write_clouds(tmp_path / "raw", {f"{name}.npy": 70 + number for number, name in enumerate(names)})
    assert objects(folder, tmp_path / "raw") == {
        **dict.fromkeys(("cloth", "cloth.001", "cloth.002", "cloth-17"), "raw"),
        "chair": "chair",
        "a/000": "a",
        "a/010": "a",
        "b/000": "b/000",
        "b/1_x": "b/1_x",
    }
    store = prepare(make_plan(folder, "raw", tmp_path / "raw", OPTIONS)).store
    assert not store.has_rest_positions
    first, hint = folder.understood(folder.items("raw", tmp_path / "raw", OPTIONS), OPTIONS)
    assert first == "5 objects, 9 frames, correspondence: no"
    assert "--frames-of file" in hint


def test_names_tell_nothing_in_a_folder_of_a_split(tmp_path: Path, folder: Dataset) -> None:
    write_clouds(
        tmp_path, {f"mug/{split}/mug_{n}.npy": 70 + n for split in ("train", "test") for n in range(3)}
    )
    items = folder.items("mug", tmp_path, OPTIONS)
    assert len({item.object for item in items}) == 6


def test_objects_never_share_a_name(tmp_path: Path, folder: Dataset) -> None:
    """The group would go by the category, as a file, or by its folder, as another file."""
    write_clouds(
        tmp_path / "raw", {"0.npy": 70, "1.npy": 71, "raw.npy": 72, "a/0.npy": 73, "a/1.npy": 74, "a.npy": 75}
    )
    assert objects(folder, tmp_path / "raw") == {
        "0": "0",
        "1": "0",
        "raw": "raw",
        "a/0": "a/0",
        "a/1": "a/0",
        "a": "a",
    }


def test_a_foreign_mesh_among_poses_costs_itself_alone(tmp_path: Path, folder: Dataset) -> None:
    """It corresponds to nothing; numbered like the others it is a frame, otherwise an object."""
    sequence(tmp_path / "raw", "a")
    sequence(tmp_path / "raw", "b", 2.0)
    vertices, quads = sheet(cells=3)
    write_obj(tmp_path / "raw" / "a" / "4.obj", vertices, quads)
    write_obj(tmp_path / "raw" / "a" / "table.obj", vertices + np.array([0, 0, 1]), quads[:-1])
    items = {item.id: item for item in folder.items("raw", tmp_path / "raw", OPTIONS)}
    assert {items[f"a/{number}"].object for number in range(5)} == {"a"}
    assert items["a/table"].object == "a/table"
    assert items["a/4"].rest_id == "a/4"
    assert folder.understood(list(items.values()), OPTIONS)[0] == (
        "3 objects, 10 frames, correspondence: of 8 frames"
    )
    store = prepare(make_plan(folder, "raw", tmp_path / "raw", OPTIONS)).store
    clouds = store.read()
    assert clouds.rest_positions is not None
    source = to_source(clouds.points, clouds.scale, clouds.offset)
    for name in ("a/4", "a/table"):
        row = clouds.ids.index(name)
        np.testing.assert_allclose(clouds.rest_positions[row], source[row], atol=1e-6)
    # A pose was bent about x = 0.5 in the plane of y; where its points are at rest, y is the same.
    row = clouds.ids.index("a/3")
    np.testing.assert_allclose(clouds.rest_positions[row][:, 1], source[row][:, 1], atol=1e-6)
    assert np.abs(clouds.rest_positions[row][:, 2]).max() < 1e-6 < source[row][:, 2].max()


def with_frames_of(how: str | Path) -> PrepareOptions:
    return PrepareOptions(points=64, frames_of=str(how))


def test_what_is_said_of_frames_stands(tmp_path: Path, folder: Dataset) -> None:
    sequence(tmp_path / "raw", "a", frames=2)
    write_clouds(tmp_path / "raw", {"b/this.npy": 70, "b/that.npy": 71})
    said = {
        how: folder.items("raw", tmp_path / "raw", with_frames_of(how)) for how in ("folder", "file", "none")
    }
    ids = ["a/0", "a/1", "b/that", "b/this"]
    assert all([item.id for item in items] == ids for items in said.values())
    assert [(item.object, item.frame) for item in said["folder"]] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert [item.rest_id for item in said["folder"]] == ["a/0", "a/0", "b/that", "b/this"]
    assert [item.object for item in said["file"]] == [item.object for item in said["none"]] == ids
    assert [item.rest_id for item in said["file"]] == ["a/0", "a/0", "b/that", "b/this"]
    assert [item.rest_id for item in said["none"]] == ids
    assert folder.load(said["none"][0]).rest_positions is None
    told = {how: list(folder.understood(items, with_frames_of(how))) for how, items in said.items()}
    assert told == {
        "folder": ["2 objects, 4 frames, correspondence: of 2 frames"],
        "file": ["4 objects, 4 frames, correspondence: of 2 frames"],
        "none": ["4 objects, 4 frames, correspondence: no"],
    }


def test_a_manifest_says_it_all(tmp_path: Path, folder: Dataset) -> None:
    sequence(tmp_path / "raw", "a")
    write_clouds(tmp_path / "raw", {"b/this.npy": 70, "b/that.npy": 71})
    manifest = tmp_path / "frames.csv"
    manifest.write_text(
        "\ufeffframe, file, object, split, id\n"
        "7,a/3.obj,shirt,train,\n5,a/0.obj,shirt,train,flat\n,b/this.npy,,test,\n0,b/that.npy,other,,\n",
        encoding="utf-8",
    )
    items = folder.items("raw", tmp_path / "raw", with_frames_of(manifest))
    assert [(item.id, item.object, item.frame, item.split, item.rest_id) for item in items] == [
        ("a/3", "shirt", 7, "train", "flat"),
        ("flat", "shirt", 5, "train", "flat"),
        ("b/this", "b/this", 0, "test", "b/this"),
        ("b/that", "other", 0, None, "b/that"),
    ]
    # Of a category only what lies in its folder.
    assert [item.id for item in folder.items("b", tmp_path / "raw", with_frames_of(manifest))] == [
        "b/this",
        "b/that",
    ]
    store = prepare(make_plan(folder, "raw", tmp_path / "raw", with_frames_of(manifest))).store
    assert store.splits().tolist()[:3] == [0, 0, 2]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "no column 'file'"),
        ("name,object\n", "no column 'name'"),
        ("file,file\n", "two columns 'file'"),
        ("file\n", "names no file"),
        ("file\n" + "a" * 300 + "\n", "line 2: .*too long"),
        ("file\na/0.obj,more\n", "line 2: It has more or fewer values"),
        ("file,object\na/0.obj\n", "line 2: It has more or fewer values"),
        ("file\na/none.obj\n", r"There is no file .*none\.obj"),
        ("file\n../a/0.obj\n", "no path below"),
        ("file\n/etc/passwd\n", "no path below"),
        ("file,frame\na/0.obj,-1\n", "'-1' is no number"),
        ("file,split\na/0.obj,tset\n", "no split 'tset'"),
        ("file\na/0.obj\na/0.obj\n", r"file .*a/0\.obj twice"),
        ("file,id\na/0.obj,x\na/1.obj,x\n", "id x twice"),
        ("file,object,frame\na/0.obj,x,1\na/1.obj,x,1\n", "frame 1 of x twice"),
        ("file,object,split\na/0.obj,x,train\na/1.obj,x,test\n", "'x' into train and test"),
        ("file,object,split\na/0.obj,x,train\na/1.obj,x,\n", "'x' into train and no split"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(
    tmp_path: Path, folder: Dataset, text: str, match: str
) -> None:
    sequence(tmp_path / "raw", "a", frames=2)
    (tmp_path / "frames.csv").write_text(text)
    with pytest.raises(KgError, match=match):
        folder.items("raw", tmp_path / "raw", with_frames_of(tmp_path / "frames.csv"))


def test_a_pose_with_nan_does_not_make_strangers_of_the_others(tmp_path: Path, folder: Dataset) -> None:
    flat, quads = sheet()
    for number in range(3):
        write_obj(tmp_path / f"{number}.obj", bent(flat, 0.5 * number), quads)
    file = tmp_path / "1.obj"
    file.write_text(file.read_text().replace("v 0.000000 0.250000", "v nan 0.250000"))
    assert {item.object for item in folder.items("shirt", tmp_path, OPTIONS)} == {"shirt"}
    made = prepare(make_plan(folder, "shirt", tmp_path, OPTIONS))
    assert made.notes == [("1", "1 of 25 vertices are NaN or infinite and left out.")]
    assert made.store.provenance["notes"] == [list(note) for note in made.notes]
    assert made.store.read().frame.tolist() == [0, 1, 2]
    assert prepare(make_plan(folder, "shirt", tmp_path, OPTIONS)).notes == made.notes


def test_a_mesh_with_nan_is_no_reference(tmp_path: Path, folder: Dataset) -> None:
    """Of so many vertices every other one is looked at: the most spread-out pose hides its NaN."""
    flat, quads = sheet(cells=25)
    broken = flat.copy()
    broken[1, 2] = np.nan
    for number, vertices in enumerate([broken, bent(flat, 0.5), bent(flat, 2.0)]):
        write_obj(tmp_path / f"{number}.obj", vertices, quads)
    made = prepare(make_plan(folder, "sheet", tmp_path, OPTIONS))
    assert [name for name, _ in made.notes] == ["0"]
    clouds = made.store.read()
    assert clouds.objects == ["sheet"] * 3
    assert clouds.rest_positions is not None
    assert np.isfinite(clouds.rest_positions).all()


def test_poses_stay_on_one_side_of_a_split(tmp_path: Path, folder: Dataset) -> None:
    for name, width in (("a", 1.0), ("b", 2.0), ("c", 3.0)):
        sequence(tmp_path / "shirt", name, width)
    store = prepare(make_plan(folder, "shirt", tmp_path, OPTIONS)).store
    clouds, splits = store.read(), store.splits().tolist()
    assert clouds.frame.tolist() == [0, 1, 2, 3] * 3
    assert sorted(set(zip(clouds.objects, splits, strict=True))) == sorted(
        zip("abc", splits[::4], strict=True)
    )
    assert sorted(splits[::4]) == [0, 1, 2]
    assert store.has_rest_positions
    assert [name[0] for name in store.rest_ids()] == clouds.objects


def test_meshes_of_one_template_and_many_sizes_are_kin(tmp_path: Path, folder: Dataset) -> None:
    for name, width in (("narrow", 1.0), ("middling", 1.3), ("wide", 2.0)):
        vertices, quads = sheet(width)
        write_obj(tmp_path / f"{name}.obj", vertices, quads)
    options = with_frames_of("file")
    items = folder.items("bag", tmp_path, options)
    assert [(item.object, item.frame, item.rest_id) for item in items] == [
        (name, 0, "wide") for name in ("middling", "narrow", "wide")
    ]
    store = prepare(make_plan(folder, "bag", tmp_path, options)).store
    clouds = store.read()
    assert sorted(store.splits()) == [0, 1, 2]
    assert store.rest_ids() == ["wide"] * 3
    assert clouds.rest_positions is not None
    # The sheet is spread out most where it is widest, and there every sample's place is measured.
    np.testing.assert_allclose(clouds.rest_positions[..., 0].max(axis=1), 1.5, atol=0.1)


def test_a_mesh_in_a_folder_by_itself_is_no_kin(tmp_path: Path, folder: Dataset) -> None:
    flat, quads = sheet()
    for name in ("a", "b"):
        write_obj(tmp_path / "shirt" / name / "mesh.obj", flat, quads)
    items = folder.items("shirt", tmp_path, OPTIONS)
    assert [(item.object, item.rest_id) for item in items] == [(name, name) for name in ("a/mesh", "b/mesh")]
    assert folder.load(items[0]).rest_positions is None


def test_the_reference_is_the_most_spread_out(tmp_path: Path, folder: Dataset) -> None:
    """A sleeve, pressed flat and round: flat, points of its two layers would be taken for one another."""
    turn = np.arange(12) * 2 * np.pi / 12
    sleeve = np.array([[np.cos(angle), np.sin(angle), height] for height in range(4) for angle in turn])
    faces = [
        [12 * r + c, 12 * r + (c + 1) % 12, 12 * r + 12 + (c + 1) % 12, 12 * r + 12 + c]
        for r in range(3)
        for c in range(12)
    ]
    write_obj(tmp_path / "0_flat.obj", sleeve * [1.5, 0.02, 1], faces)
    write_obj(tmp_path / "1_round.obj", sleeve, faces)
    write_obj(tmp_path / "2_crumpled.obj", sleeve * [0.5, 1, 0.5], faces)
    for item in folder.items("any", tmp_path, OPTIONS):
        rest_positions = folder.load(item).rest_positions
        assert rest_positions is not None
        np.testing.assert_allclose(rest_positions, sleeve, atol=1e-6)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_a_pose_is_no_more_spread_out_for_being_larger(tmp_path: Path, folder: Dataset, scale: float) -> None:
    flat, quads = sheet()
    write_obj(tmp_path / "0_folded.obj", bent(flat, 2.8, scale), quads)
    write_obj(tmp_path / "1_flat.obj", flat, quads)
    items = folder.items("sheet", tmp_path, OPTIONS)
    assert {item.object for item in items} == {"sheet"}
    for item in items:
        rest_positions = folder.load(item).rest_positions
        assert rest_positions is not None
        np.testing.assert_allclose(rest_positions, flat, atol=1e-6)


def test_other_meshes_have_no_material(tmp_path: Path, folder: Dataset) -> None:
    rng = np.random.default_rng(0)
    write_obj(tmp_path / "a.obj", rng.normal(size=(4, 3)), [[0, 1, 2], [0, 2, 3]])
    write_obj(tmp_path / "b.obj", rng.normal(size=(4, 3)), [[0, 1, 3], [1, 2, 3]])
    assert not prepare(make_plan(folder, "any", tmp_path, OPTIONS)).store.has_rest_positions


def test_one_mesh_alone_corresponds_to_nothing(tmp_path: Path, folder: Dataset) -> None:
    write_obj(tmp_path / "a.obj", np.random.default_rng(0).normal(size=(4, 3)), [[0, 1, 2], [0, 2, 3]])
    assert not prepare(make_plan(folder, "any", tmp_path, OPTIONS)).store.has_rest_positions


def test_a_broken_first_mesh_is_left_out_alone(tmp_path: Path, folder: Dataset) -> None:
    (tmp_path / "a.obj").write_text("v 0 0\n")
    write_obj(tmp_path / "b.obj", np.random.default_rng(0).normal(size=(4, 3)), [[0, 1, 2], [0, 2, 3]])
    made = prepare(make_plan(folder, "any", tmp_path, OPTIONS))
    assert [name for name, _ in made.skipped] == ["a"]
    assert made.store.count == 1


def test_the_same_shape_in_two_formats(tmp_path: Path, folder: Dataset) -> None:
    write_clouds(tmp_path, {"a.npy": 70})
    (tmp_path / "a.xyz").write_text("0 0 0\n1 1 1\n")
    with pytest.raises(KgError, match=r"a twice, as a\.npy and a\.xyz"):
        folder.items("any", tmp_path, OPTIONS)


def test_nothing_there(tmp_path: Path, folder: Dataset) -> None:
    with pytest.raises(KgError, match="no folder"):
        folder.find_categories(tmp_path / "none")
    with pytest.raises(KgError, match="no shapes") as caught:
        folder.items("any", tmp_path, OPTIONS)
    assert ".ply" in caught.value.hint


def test_every_format_there_is(fixtures: Path, folder: Dataset, tmp_path: Path) -> None:
    for file in (fixtures / "shapes").iterdir():
        if file.suffix != ".glb":
            (tmp_path / f"{file.stem}_{file.suffix[1:]}{file.suffix}").write_bytes(file.read_bytes())
    made = prepare(make_plan(folder, "all", tmp_path, PrepareOptions(points=24)))
    assert made.skipped == []
    # The .txt is left out: beside meshes it could be a licence.
    assert made.store.count == len(list(tmp_path.glob("*.*"))) - 1 == 19


def test_a_real_shirt_keeps_its_distances_when_folded(shared_data: Path, folder: Dataset) -> None:
    """Samples close on the cloth are apart as far as its edges say: the poses differ in scale."""
    source = shared_data / "sequences" / "tshirt_fold"
    made = prepare(make_plan(folder, "tshirt", source, PrepareOptions(points=256))).store
    clouds = made.read()
    lengths = {file.stem: edge_length(file) for file in source.glob("*.obj")}
    assert clouds.rest_positions is not None
    poses = to_source(clouds.points, clouds.scale, clouds.offset)
    rest = clouds.ids.index("tshirt1900")
    np.testing.assert_allclose(clouds.rest_positions[rest], poses[rest], atol=1e-4)
    for name, pose, rest_positions in zip(clouds.ids, poses, clouds.rest_positions, strict=True):
        apart = np.linalg.norm(rest_positions[:, None] - rest_positions, axis=2)
        near = (apart > 0) & (apart < 0.1 * apart.max())
        scale = np.linalg.norm(pose[:, None] - pose, axis=2)[near] / apart[near]
        assert np.median(scale) == pytest.approx(lengths[name] / lengths["tshirt1900"], rel=0.1)


def edge_length(file: Path) -> float:
    mesh = read_mesh(file)
    corners = mesh.vertices[mesh.corners.reshape(-1, 3)]
    return float(np.median(np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1)))


def test_real_sequences_are_one_object_each(shared_data: Path, folder: Dataset) -> None:
    for name, count in (("tshirt_fold", 4), ("tshirt_wind", 26)):
        items = folder.items(name, shared_data / "sequences", OPTIONS)
        assert [(item.object, item.frame) for item in items] == [(name, frame) for frame in range(count)]
    # The shirt before what is made of it.
    assert folder.items("tshirt_fold", shared_data / "sequences", OPTIONS)[0].id == "tshirt1900"


def test_real_bags_of_one_topology(shared_data: Path, folder: Dataset) -> None:
    bags = shared_data / "bags"
    # Their names are numbered, so it has to be said that they are no frames.
    assert {item.object for item in folder.items("bag", bags, OPTIONS)} == {"bag"}
    items = folder.items("bag", bags, with_frames_of("file"))
    assert len({item.object for item in items}) == 36
    assert len({item.rest_id for item in items}) == 1
    rests = [folder.load(item).rest_positions for item in items[:5]]
    reference = folder.load(next(item for item in items if item.id == item.rest_id)).vertices
    for rest_positions in rests:
        np.testing.assert_array_equal(rest_positions, reference)


def test_real_animals_in_poses(shared_data: Path, folder: Dataset) -> None:
    items = folder.items("animals", shared_data / "animals", OPTIONS)
    assert folder.understood(items, OPTIONS)[0] == "3 objects, 31 frames, correspondence: yes"
    assert {item.object for item in items} == {"cat", "horse", "lion"}
    assert folder.find_categories(shared_data / "animals") == ("cat", "horse", "lion")


def test_listing_reads_each_file_once(
    tmp_path: Path, folder: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    faces = [[[0, 1, 2], [0, 2, 3]], [[0, 1, 3], [1, 2, 3]], [[0, 1, 2], [1, 2, 3], [0, 1, 3]]]
    # Frames of three meshes by turns, and more files than are waited for at a time.
    for number in range(100):
        write_obj(tmp_path / "cloth" / f"{number}.obj", rng.normal(size=(4, 3)), faces[number % 3])
    reads: list[Path] = []
    scans: list[Path] = []

    def read(file: Path) -> Mesh:
        reads.append(file)
        return read_mesh(file)

    def scan(root: Path) -> list[Path]:
        scans.append(root)
        return every_shape_file(root)

    monkeypatch.setattr(families, "read_mesh", read)
    monkeypatch.setattr(dataset, "every_shape_file", scan)
    items = folder.items("cloth", tmp_path, OPTIONS)
    assert [item.id for item in items] == [str(number) for number in range(100)]
    assert sorted(reads) == sorted(tmp_path / "cloth" / f"{number}.obj" for number in range(100))
    assert len({item.source[1] for item in items}) == 3
    assert scans == [tmp_path]


def test_a_category_may_be_a_link(tmp_path: Path, folder: Dataset) -> None:
    write_clouds(tmp_path, {"here/mug/1.npy": 70, "there/2.npy": 70})
    (tmp_path / "here" / "bowl").symlink_to(tmp_path / "there")
    (tmp_path / "here" / "notes.txt").write_text("None.")
    assert folder.find_categories(tmp_path / "here") == ("bowl", "mug")
    assert [item.id for item in folder.items("bowl", tmp_path / "here", OPTIONS)] == ["2"]


def test_hidden_folders_are_no_categories(tmp_path: Path, folder: Dataset) -> None:
    flat, quads = sheet()
    for name in (".cache", "mug", ".mug"):
        (tmp_path / name).mkdir()
        write_obj(tmp_path / name / "a.obj", flat, quads)
    assert folder.find_categories(tmp_path) == ("mug",)


def test_a_name_that_is_not_utf8_is_refused_before_the_work(tmp_path: Path, folder: Dataset) -> None:
    flat, quads = sheet()
    write_obj(tmp_path / "a.obj", flat, quads)
    try:
        (tmp_path / "a.obj").rename(tmp_path / os.fsdecode(b"caf\xe9.obj"))
    except OSError as error:
        pytest.skip(f"this file system takes UTF-8 alone: {error}")
    with pytest.raises(KgError, match=r"caf\\xe9.* is not UTF-8"):
        prepare(make_plan(folder, "mug", tmp_path, OPTIONS))


def test_one_bad_file_leaves_the_rest(tmp_path: Path, folder: Dataset) -> None:
    """Each of these once ended the whole preparation."""
    flat, quads = sheet()
    write_obj(tmp_path / "good.obj", flat, quads)
    bad = {
        "deflate.npz": b"PK\x03\x04" + b"\x14\0\0\0\x08\0" + b"\xff" * 80,
        "huge.npy": b"\x93NUMPY\x01\0F\0{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999, 3)}",
        "index.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99999999999999999999\n",
        "count.pcd": b"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 0\nWIDTH 1\nDATA ascii\n0 0 0\n",
        "far.xyz": b"0 0 0\n1e200 0 0\n" * 40,
        "page.ply": b"<!DOCTYPE html><html></html>",
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    made = prepare(make_plan(folder, "mug", tmp_path, OPTIONS))
    assert sorted(name for name, _ in made.skipped) == sorted(name.split(".")[0] for name in bad)
    for name, reason in made.skipped:
        assert str(tmp_path / name) in reason
    assert made.store.count == 1


@pytest.mark.parametrize("size", [1e-30, 1e-18, 1e-5, 1e5, 1e14])
def test_any_unit(tmp_path: Path, folder: Dataset, size: float) -> None:
    points = np.random.default_rng(0).normal(size=(200, 3))
    for name, scale in (("a", 1.0), ("b", size)):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "cloud.npy", points * scale)
    ours, theirs = (prepare(make_plan(folder, name, tmp_path, OPTIONS)).store.read().points for name in "ab")
    np.testing.assert_allclose(theirs, ours, atol=1e-5)
