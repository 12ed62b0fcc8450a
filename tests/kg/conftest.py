"""A detector small enough for tests, and a store to train it on."""

import numpy as np
import pytest
import torch

from kg import ops, plugins
from kg.config import PRESETS, Config, DataConfig, ModelConfig, TrainConfig
from kg.data import Store
from kg.data.store import Clouds, write_store
from kg.model import MLP, Backbone, Features, Pyramid


class Tiny(Backbone):
    """Two levels of 16 and 8 points; enough to have every part of the contract."""

    level_channels = (8, 12)
    point_channels = 16
    global_channels = 12
    minimum_points = 32
    recordable = True

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = MLP(3, [8]), MLP(11, [12]), MLP(15, [16])

    def forward(self, points):
        start = None
        if self.training:
            start = torch.randint(points.shape[1], (len(points),), device=points.device)
        fine = ops.gather(points, ops.farthest_point_sample(points, 16, start))
        pyramid = Pyramid([points, fine, fine[:, :8].contiguous()])
        one = self.first(fine)
        two = self.second(torch.cat([one[:, :8], pyramid.clouds[2]], 2))
        climbed = pyramid.climb(pyramid.climb(two, 2), 1)
        return Features(pyramid, [one, two], self.third(torch.cat([climbed, points], 2)), two.amax(1))


@pytest.fixture
def tiny_backbone(monkeypatch):
    """Register the backbone `tiny` for one test."""
    found = plugins.backbone

    def backbone(name):
        return Tiny if name == "tiny" else found(name)

    monkeypatch.setattr(plugins, "backbone", backbone)


@pytest.fixture
def tiny_store(tmp_path):
    """Twenty ellipsoids of 64 points, with two landmarks each."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(20, 64, 3))
    points /= np.linalg.norm(points, axis=2, keepdims=True)
    points *= rng.uniform(0.3, 1, (20, 1, 3))
    landmarks = np.stack([points[:, :, 0].max(1), -points[:, :, 0].max(1)], 1)
    landmarks = np.stack([landmarks, 0 * landmarks, 0 * landmarks], 2)
    names = [f"ellipsoid-{number}" for number in range(20)]
    clouds = Clouds(
        ids=names,
        objects=names,
        frame=np.zeros(20, np.int32),
        points=points.astype(np.float32),
        scale=np.full(20, 0.5),
        offset=np.full(20, 0.25),
        landmarks=landmarks.astype(np.float32),
        landmark_ids=np.tile(np.array([0, 1], np.int32), (20, 1)),
    )
    splits = {"object": ["train"] * 13 + ["val"] * 3 + ["test"] * 4}
    path = tmp_path / "store.h5"
    write_store(
        path,
        [clouds],
        {**splits, "frame": splits["object"]},
        dataset="ellipsoids",
        category="ellipsoid",
        variant="rest",
        unit="metre",
        landmark_names={0: "right", 1: "left"},
        provenance={},
    )
    return Store(path)


@pytest.fixture
def tiny_config(tiny_backbone, tiny_store):
    """A configuration that trains on `tiny_store` in a second."""
    return Config(
        preset="tiny",
        model=ModelConfig(keypoints=4, backbone="tiny", grid=(4, 4, 4), sigma=0.3),
        train=TrainConfig(points=48, farthest=5, epochs=3, batch_size=4, similarity_delay=1),
        data=DataConfig(str(tiny_store.path), tiny_store.checksum),
    )


@pytest.fixture
def tiny_preset(tiny_config, monkeypatch):
    """Register `tiny_config` as the preset `tiny` for one test."""
    monkeypatch.setitem(PRESETS, "tiny", tiny_config)
    return tiny_config
