import numpy as np
import torch

from kg.config import ModelConfig, TrainConfig
from kg.inference.predictor import Predictor
from kg.inference.shapes import predict_store
from kg.model import Examples
from kg.train import runs, train
from kg_detectors.template import Template


def examples(points):
    names = [str(row) for row in range(len(points))]
    return Examples(points, None, None, names, [0] * len(points), None, None, {}, ["thing"] * len(points))


def slow_template(clouds, count):
    first = clouds[0]
    chosen = [int(np.linalg.norm(first - first.mean(0), axis=1).argmax())]
    while len(chosen) < count:
        away = np.linalg.norm(first[:, None] - first[chosen], axis=2).min(1)
        chosen.append(int(away.argmax()))
    nearest = [
        [min(cloud.tolist(), key=lambda point: np.linalg.norm(point - place)) for place in first[chosen]]
        for cloud in clouds
    ]
    return np.mean(nearest, axis=0)


def test_it_is_the_mean_of_what_lies_near_the_first_clouds_farthest_points():
    points = torch.randn(4, 30, 3, generator=torch.Generator().manual_seed(0))
    detector = Template(ModelConfig(keypoints=5), TrainConfig())
    detector.fit(examples(points))
    np.testing.assert_allclose(detector.places, slow_template(points.numpy(), 5), atol=1e-6)


def test_each_place_is_at_the_nearest_point_of_a_cloud():
    points = torch.randn(4, 30, 3, generator=torch.Generator().manual_seed(1))
    detector = Template(ModelConfig(keypoints=5), TrainConfig())
    detector.fit(examples(points))
    found = detector.find(points)
    assert torch.equal(found.indices, torch.cdist(detector.places.expand(4, -1, -1), points).argmin(2))
    assert torch.equal(found.keypoints, points[torch.arange(4)[:, None], found.indices])


def test_a_run_keeps_it(tiny_config):
    config = tiny_config.override("detector", "template").override("epochs", "1")
    folder = runs.new_run(config, "template")
    train(config, folder, torch.device("cpu"))
    detector = Predictor.load(folder, "best", torch.device("cpu"))
    found = predict_store(detector)
    places = detector.checkpoint.model.places.numpy()
    assert len(found) == 4
    for cloud, keypoints in zip(found.points, found.keypoints, strict=True):
        expected = [cloud[np.linalg.norm(cloud - place, axis=1).argmin()] for place in places]
        np.testing.assert_allclose(keypoints, expected, atol=1e-6)
