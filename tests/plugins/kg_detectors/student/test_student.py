"""The student of another detector."""

from dataclasses import replace

import pytest
import torch

from kg import plugins
from kg.config import ModelConfig, TrainConfig
from kg.errors import KgError
from kg.model import Batch
from kg.train.augment import turns
from kg.train.step import Step
from kg_detectors.student import Student

MODEL = ModelConfig(detector="student", keypoints=3, backbone="framed", normalisation="longest-side")
OPTIONS = TrainConfig(optimizer="adamw", gradient_norm=1.0)


def clouds(count=4, points=520):
    """Chairs: a long seat with a back rest at one end and an arm rest on one side."""
    generator = torch.Generator().manual_seed(0)
    cloud = torch.rand(count, points, 3, generator=generator) * torch.tensor([2.0, 1.2, 0.1])
    cloud[:, : points // 4] *= torch.tensor([0.05, 1.0, 10.0])
    cloud[:, points // 4 : points // 3] *= torch.tensor([1.0, 0.05, 5.0])
    return cloud


def taught(count=4):
    """Keypoints at three of the corners of the seat."""
    corners = torch.tensor([[0.0, 0, 0], [2, 0, 0], [0, 1.2, 0]])
    return Batch(clouds(count), keypoints=corners.expand(count, -1, -1))


def test_it_is_found_by_its_entry_point():
    assert plugins.DETECTORS.load("student") is Student


def test_it_learns_its_teachers_keypoints_and_finds_them_turned():
    torch.manual_seed(0)
    student, batch = Student(MODEL, OPTIONS), taught()
    step = Step(student, OPTIONS)
    losses = [step.run(batch, 3e-3, 0, number) for number in range(30)]
    assert losses[-1]["place"] < 0.5 * losses[0]["place"]
    student.eval()
    with torch.no_grad():
        found = student.find(batch.points).keypoints
        for turn in turns(5, "all", 180.0, torch.device("cpu")):
            again = student.find(batch.points @ turn).keypoints
            torch.testing.assert_close(again, found @ turn, atol=1e-4, rtol=0)


def test_losses_are_those_of_weights_and_places():
    torch.manual_seed(0)
    student, batch = Student(replace(MODEL, keypoints=3), OPTIONS).eval(), taught(1)
    with torch.no_grad():
        logits = student(batch.points)[0].double()
        terms = student.validation_losses(batch)
    points, keypoints = batch.points[0].double(), batch.keypoints[0].double()
    weights = logits.softmax(0)
    place = (weights.T @ points - keypoints).norm(dim=1).mean()
    gauss = torch.exp(-(points[:, None] - keypoints).square().sum(2) / (2 * 0.12**2))
    gauss = gauss / gauss.sum(0)
    heat = torch.special.xlogy(gauss, gauss / weights).sum(0).mean()
    assert terms["place"][1].item() == pytest.approx(place.item(), rel=1e-4)
    assert terms["heat"][1].item() == pytest.approx(heat.item(), rel=1e-4)


def test_hard_keypoints_are_points_of_the_cloud():
    torch.manual_seed(0)
    student, points = Student(MODEL, OPTIONS).eval(), clouds(2)
    with torch.no_grad():
        found = student.find(points, "hard")
    assert torch.equal(found.keypoints, points.gather(1, found.indices[..., None].expand(-1, -1, 3)))


def test_clouds_are_not_stretched():
    with pytest.raises(KgError, match="cannot be stretched"):
        Student(replace(MODEL, normalisation="stretch"), OPTIONS).check()
