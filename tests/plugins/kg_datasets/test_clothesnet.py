import shutil
from pathlib import Path

import numpy as np
import pytest

from kg.data import Dataset, Fetch, PrepareOptions
from kg.data.prepare import prepare
from kg.errors import KgError
from kg.registry import dataset

OPTIONS = PrepareOptions(points=64)


@pytest.fixture
def clothesnet() -> Dataset:
    return dataset("clothesnet")


@pytest.fixture
def raw(fixtures: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may spoil."""
    return Path(shutil.copytree(fixtures / "clothesnet", tmp_path / "raw"))


def test_classes_and_subtypes_are_categories(raw: Path, clothesnet: Dataset) -> None:
    assert clothesnet.find_categories(raw) == (
        "mask",
        "tops",
        "tops-collar_ssleeve_frontopen",
        "tops-nocollar_lsleeve_frontclose",
    )
    ids = [item.id for item in clothesnet.items("tops", raw, OPTIONS)]
    assert ids == [
        "Collar_Ssleeve_FrontOpen/TCSO_001",
        "NoCollar_Lsleeve_FrontClose/TNLC_001",
        "NoCollar_Lsleeve_FrontClose/TNLC_002",
    ]
    assert [item.id for item in clothesnet.items("tops-nocollar_lsleeve_frontclose", raw, OPTIONS)] == ids[1:]
    assert [item.id for item in clothesnet.items("mask", raw, OPTIONS)] == ["MASK_01"]


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
    store = prepare(clothesnet, "tops", raw, OPTIONS).store
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
    with pytest.raises(KgError, match="form") as caught:
        clothesnet.fetch(Fetch(tmp_path / "there"))
    assert "kg fetch clothesnet --from" in caught.value.hint
    archive = shutil.make_archive(str(tmp_path / "ClothesNetData"), "gztar", raw)
    clothesnet.fetch(Fetch(tmp_path / "there", source=Path(archive)))
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["Mask", "Tops"]
    with pytest.raises(KgError, match=r"raw/ClothesNetData/ClothesNetM/Tops.*holds no ClothesNetM"):
        clothesnet.fetch(Fetch(tmp_path / "there", source=raw / "ClothesNetData" / "ClothesNetM" / "Tops"))
    assert (tmp_path / "there" / "Tops").is_dir()
