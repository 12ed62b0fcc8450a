import shutil
from pathlib import Path

import numpy as np
import pytest

from kg.data import Dataset, PrepareOptions
from kg.data.fetching.fetch import fetch
from kg.data.fetching.order import Order
from kg.data.preparing.plan import make_plan
from kg.data.preparing.prepare import prepare
from kg.errors import KgError
from kg.plugins import DATASETS

OPTIONS = PrepareOptions(points=64)


@pytest.fixture
def clothesnet() -> Dataset:
    return DATASETS.load("clothesnet")()


@pytest.fixture
def raw(fixtures: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may spoil."""
    return Path(shutil.copytree(fixtures / "clothesnet", tmp_path / "raw"))


def ids(plugin: Dataset, category: str, raw: Path) -> list[str]:
    return [item.id for item in plugin.items(category, raw, OPTIONS)]


def test_classes_subtypes_and_the_papers_garments_are_categories(raw: Path, clothesnet: Dataset) -> None:
    assert clothesnet.find_categories(raw) == (
        "mask",
        "scarf",
        "scarf_tie",
        "shirt",
        "tie",
        "tops",
        "tops-collar_ssleeve_frontopen",
        "tops-nocollar_lsleeve_frontclose",
    )
    tops = [
        "Collar_Ssleeve_FrontOpen/TCSO_001",
        "NoCollar_Lsleeve_FrontClose/TNLC_001",
        "NoCollar_Lsleeve_FrontClose/TNLC_002",
    ]
    assert ids(clothesnet, "tops", raw) == tops
    assert ids(clothesnet, "tops-nocollar_lsleeve_frontclose", raw) == tops[1:]
    assert ids(clothesnet, "shirt", raw) == tops[1:]
    assert ids(clothesnet, "mask", raw) == ["MASK_01"]


def test_the_papers_13_garments(raw: Path, clothesnet: Dataset) -> None:
    """Folders as the data set has them, each a garment of the paper, or of none."""
    shutil.rmtree(raw / "ClothesNetData")
    folders = {
        "hat": ["Hat/HA_Hat001"],
        "long-pants": ["Trousers/Long/PL_030"],
        "jacket": [
            "Tops/Collar_Lsleeve_FrontOpen/TCLO_Jacket131",
            "Tops/NoCollar_Lsleeve_FrontOpen/TNLO_1",
        ],
        "long-dress": ["Dress/Long_Gallus/DLG_Dress032_1", "Dress/Long_LongSleeve/DLLS_dress230"],
        "short-dress": ["Dress/Short_LongSleeve/DSLS_dress271"],
        "mask": ["Mask/MA_001"],
        "polo": ["Tops/Collar_Ssleeve_FrontClose/TCSC_polo004"],
        "scarf": ["Scarf_Tie/ST_Scarf-001"],
        "shirt": ["Tops/Collar_Lsleeve_FrontClose/TCLC_002", "Tops/NoCollar_Lsleeve_FrontClose/TNLC_010"],
        "short-pants": ["Trousers/Short/PS_010"],
        "skirt": ["Skirt/Long/SL_skirt148", "Skirt/Short/SS_Skirt029"],
        "tie": ["Scarf_Tie/ST_Bow_tie2", "Scarf_Tie/ST_Tie026"],
        "vest": ["Tops/Collar_noSleeve_FrontClose/TCNC_Top086"],
        None: ["Tops/NoCollar_Ssleeve_FrontClose/TNSC_Top626", "Glove/GL_1", "One-piece/OP_Overall006"],
    }
    for places in folders.values():
        for place in places:
            file = raw / "ClothesNetM" / place / f"{Path(place).name}.obj"
            file.parent.mkdir(parents=True)
            file.touch()
    garments = {name: places for name, places in folders.items() if name}
    assert len(garments) == 13
    for name, places in garments.items():
        assert ids(clothesnet, name, raw) == [place.partition("/")[2] for place in places]


def test_both_parts_are_read(raw: Path, tmp_path: Path, clothesnet: Dataset) -> None:
    assert ids(clothesnet, "scarf_tie", raw) == ["Other_clothes/ST_Scarf-001", "Other_clothes/ST_Tie026"]
    assert ids(clothesnet, "tie", raw / "ClothesNetData" / "Other_clothes") == ["Other_clothes/ST_Tie026"]
    fetch(Order(clothesnet, tmp_path / "there", source=str(raw.parent)))
    assert clothesnet.find_categories(tmp_path / "there") == clothesnet.find_categories(raw)


@pytest.mark.parametrize(
    ("names", "found"),
    [(["mask_01", "border"], 1), (["cloth", "border"], 1), (["MASK_01", "low"], 1), (["high", "low"], 0)],
)
def test_the_mesh_of_a_folder_is_its_namesake_or_the_only_one(
    raw: Path, clothesnet: Dataset, names: list[str], found: int
) -> None:
    folder = next(raw.rglob("MASK_01"))
    mesh = (folder / "MASK_01.obj").read_text()
    for file in folder.glob("*.obj"):
        file.unlink()
    for name in names:
        (folder / f"{name}.obj").write_text("" if name == "border" else mesh)
    if found:
        (item,) = clothesnet.items("mask", raw, OPTIONS)
        assert (item.id, item.source.stem) == ("MASK_01", names[0])
    else:
        with (
            pytest.warns(UserWarning, match="MASK_01 is left out: none of its meshes has its name"),
            pytest.raises(KgError, match="no category 'mask'"),
        ):
            clothesnet.items("mask", raw, OPTIONS)


def test_keypoints_that_nobody_gave_a_meaning_are_no_landmarks(raw: Path, clothesnet: Dataset) -> None:
    assert next(raw.rglob("kp_MASK_01.pcd")).is_file()
    assert not prepare(make_plan(clothesnet, "mask", raw, OPTIONS)).store.has_landmarks


@pytest.mark.parametrize("given", ["raw", "raw/ClothesNetData", "raw/ClothesNetData/ClothesNetM"])
def test_any_level_of_the_download_will_do(
    raw: Path, tmp_path: Path, clothesnet: Dataset, given: str
) -> None:
    assert len(clothesnet.items("tops", tmp_path / given, OPTIONS)) == 3


def test_the_panels_are_joined_along_their_seam(raw: Path, clothesnet: Dataset) -> None:
    """Two panels of 25 vertices whose seams of 5 lie 0.4 mm apart become 45 vertices of 32 quads."""
    items = clothesnet.items("mask", raw, OPTIONS)
    shape = clothesnet.load(items[0])
    assert shape.vertices.shape == (45, 3)
    assert shape.faces is not None
    assert len(shape.faces) == 64
    seam = np.flatnonzero(np.abs(shape.vertices[:, 0]) < 1)
    left = shape.vertices[shape.faces].mean(axis=1)[:, 0] < 0
    assert set(seam) <= set(shape.faces[left].ravel())
    assert set(seam) <= set(shape.faces[~left].ravel())


def test_preparing(raw: Path, clothesnet: Dataset) -> None:
    store = prepare(make_plan(clothesnet, "tops", raw, OPTIONS)).store
    assert (store.count, store.unit) == (3, "centimetre")
    clouds = store.read()
    extent = np.ptp(clouds.points * clouds.scale[:, None, None], axis=1)
    np.testing.assert_allclose(extent, np.tile([40, 20, 0], (3, 1)), atol=4)


def test_a_garment_that_is_not_in_centimetres(raw: Path, clothesnet: Dataset) -> None:
    file = next(raw.rglob("MASK_01.obj"))
    lines = [line.split() for line in file.read_text().splitlines()]
    scaled = [["v", *(str(float(x) / 100) for x in line[1:])] if line[0] == "v" else line for line in lines]
    file.write_text("\n".join(" ".join(line) for line in scaled) + "\n")
    with pytest.raises(KgError, match=r"MASK_01\.obj is 0\.4 across, too small"):
        clothesnet.load(clothesnet.items("mask", raw, OPTIONS)[0])


def test_a_garment_without_faces(raw: Path, clothesnet: Dataset) -> None:
    next(raw.rglob("MASK_01.obj")).write_text("v 0 0 0\nv 0 20 0\n")
    with pytest.raises(KgError, match=r"MASK_01\.obj has no faces"):
        clothesnet.load(clothesnet.items("mask", raw, OPTIONS)[0])


def test_what_is_missing(raw: Path, tmp_path: Path, clothesnet: Dataset) -> None:
    with pytest.raises(KgError, match="no category 'top'") as caught:
        clothesnet.items("top", raw, OPTIONS)
    assert "Did you mean 'tops'?" in caught.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(KgError, match="empty: It holds no ClothesNetM: none of the folders Dress"):
        clothesnet.find_categories(tmp_path / "empty")
    (tmp_path / "empty" / "Hat" / "HAT_1").mkdir(parents=True)
    with pytest.raises(KgError, match="no garments"):
        clothesnet.find_categories(tmp_path / "empty")


def test_fetch_takes_what_the_authors_sent(raw: Path, tmp_path: Path, clothesnet: Dataset) -> None:
    with pytest.raises(KgError, match="cannot be downloaded by a program") as caught:
        fetch(Order(clothesnet, tmp_path / "there"))
    assert "Fill in the form" in caught.value.hint
    assert "kg fetch clothesnet --from" in caught.value.hint
    archive = shutil.make_archive(str(tmp_path / "ClothesNetData"), "gztar", raw)
    fetch(Order(clothesnet, tmp_path / "there", source=archive))
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["ClothesNetM", "Other_clothes"]
    tops = str(raw / "ClothesNetData" / "ClothesNetM" / "Tops")
    with pytest.raises(KgError, match=r"raw/ClothesNetData/ClothesNetM/Tops.*holds no ClothesNetM"):
        fetch(Order(clothesnet, tmp_path / "there", source=tops, force=True))
    assert (tmp_path / "there" / "ClothesNetM").is_dir()
