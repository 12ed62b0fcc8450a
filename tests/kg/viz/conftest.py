from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kg.inference.predictions import Predictions
from kg.viz import probe


@pytest.fixture
def predictions() -> Predictions:
    """Five ellipsoids of 400 points with 4 keypoints each; their sizes differ, their topology does not."""
    rng = np.random.default_rng(0)
    sphere = rng.normal(size=(400, 3))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    axes = rng.uniform(0.4, 1, size=(5, 1, 3))
    corners = np.array([[0.8, 0.5, 0.2], [-0.7, 0.6, -0.3], [0.5, -0.8, 0.3], [-0.6, -0.5, 0.6]])
    names = np.array([f"egg-{number}" for number in range(5)])
    keypoints = (corners * axes).astype(np.float32)
    return Predictions(
        ids=names,
        objects=names,
        points=(sphere * axes).astype(np.float32),
        scale=np.ones(5),
        offset=np.zeros(5),
        keypoints=keypoints,
        keypoints_source=keypoints.astype(np.float64),
        indices=np.zeros((5, 4), dtype=np.int64),
        confidences=np.ones((5, 4), dtype=np.float32),
        edge_pairs=np.array([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]),
        edges=np.tile(np.array([0.9, 0.7, 0.2, 0.1, 0.8, 0.3], dtype=np.float32), (5, 1)),
    )


@pytest.fixture(scope="session")
def rendering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bool]:
    """Whether pyvista renders on this machine, asked once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KG_HOME", str(tmp_path_factory.mktemp("home")))
        yield probe.renders()


@pytest.fixture(params=["matplotlib", "pyvista"])
def renderer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each renderer in turn; pyvista only where it renders."""
    name: str = request.param
    if name == "pyvista":
        if not request.getfixturevalue("rendering"):
            pytest.skip("pyvista does not render on this machine")
        monkeypatch.setattr(probe, "renders", lambda: True)
    return name


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return tmp_path / "sheet.png"
