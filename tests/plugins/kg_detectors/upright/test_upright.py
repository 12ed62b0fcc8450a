"""A teacher that sees shapes turned upright."""

from dataclasses import replace

import pytest
import torch

from kg import plugins
from kg.config import Config, ModelConfig, TrainConfig
from kg.errors import KgError
from kg.model import Examples
from kg.train.augment import turns
from kg_backbones.framed import frames
from kg_detectors.box import Box
from kg_detectors.student import Student
from kg_detectors.upright import Upright, halves, poses
from kg_detectors.upright.halves import HalfTurns, half_turns
from kg_detectors.upright.poses import PoseNetwork, angles, candidates, describe, rodrigues, rotation

MODEL = ModelConfig(detector="upright", keypoints=8, normalisation="longest-side")
OPTIONS = TrainConfig(points=400)
CPU = torch.device("cpu")


def chairs(count=30, points=400, seed=0):
    """Seats of varied sides with a back rest at one end and an arm rest on one side."""
    generator = torch.Generator().manual_seed(seed)
    cloud = torch.rand(count, points, 3, generator=generator)
    sides = torch.tensor([2.0, 1.2, 0.1]) * (0.9 + 0.2 * torch.rand(count, 1, 3, generator=generator))
    cloud[:, : points // 4] *= torch.tensor([0.05, 1.0, 10.0])
    cloud[:, points // 4 : points // 2] *= torch.tensor([1.0, 0.05, 5.0])
    return cloud * sides


def examples(count=30):
    points = chairs(count)
    keypoints = Box(replace(MODEL, detector="box"), OPTIONS).find(points).keypoints
    names = [str(row) for row in range(count)]
    return Examples(points, None, None, names, [0] * count, None, None, {}, ["chair"] * count, keypoints)


@pytest.fixture(scope="module")
def upright():
    torch.manual_seed(0)
    made = Upright(MODEL, OPTIONS)
    with pytest.MonkeyPatch.context() as patch:
        # Chairs of two boards are learnt sooner than what people make.
        patch.setattr(poses, "STEPS", 150)
        made.fit(examples())
    teacher = Config(model=replace(MODEL, detector="box"), train=OPTIONS)
    made.follow_teacher(Box(teacher.model, OPTIONS), teacher, examples())
    return made.eval()


def test_it_is_found_by_its_entry_point():
    assert plugins.DETECTORS.load("upright") is Upright


def test_candidates_are_the_rotations_of_a_cube():
    every = candidates()
    assert len(every) == len({tuple(way.flatten().tolist()) for way in every}) == 24
    torch.testing.assert_close(torch.linalg.det(every), torch.ones(24))


def test_rotations_and_their_vectors_are_those_of_an_axis_and_an_angle():
    axis = torch.tensor([1.0, 2, -2]).double() / 3
    cross = torch.tensor([[0, 2, 2], [-2, 0, -1], [-2, 1, 0]]).double() / 3
    torch.testing.assert_close(cross @ axis, torch.zeros(3).double())
    for degrees in (0.5, 40.0, 120.0, 175.0):
        angle = torch.deg2rad(torch.tensor(degrees).double())
        turned = torch.linalg.matrix_exp(angle * cross)
        vector = axis * (angle / 2).tan()
        torch.testing.assert_close(rotation(vector), turned)
        torch.testing.assert_close(rodrigues(turned), vector)
        torch.testing.assert_close(angles(turned), torch.tensor(degrees).double())


def test_a_candidate_is_described_as_the_cloud_turned_so():
    points, eye = chairs(1), torch.eye(3)
    every = describe(points, eye.double()[None])
    as_is = [torch.equal(way, eye) for way in candidates()].index(True)
    for number, way in enumerate(candidates()):
        turned = describe(points @ way, eye.double()[None])
        torch.testing.assert_close(every[:, number], turned[:, as_is], atol=1e-5, rtol=0)


def test_shapes_never_seen_come_to_lie_as_the_category(upright):
    points = chairs(seed=5)
    torch.manual_seed(3)
    away = turns(len(points), "all", 180.0, CPU)
    off = angles(away.double() @ upright.pose.turns(points @ away))
    assert (off < 12).double().mean() > 0.9
    # Principal axes of such chairs are farther off.
    assert off.median() < 0.5 * angles(frames(points)[:, None] @ candidates().double()).amin(1).median()


def test_keypoints_turn_with_the_cloud_whatever_the_order_of_its_points(upright):
    points = chairs(4, seed=7)
    known = upright.find(points).keypoints
    order = torch.randperm(points.shape[1])
    for turn in turns(10, "all", 180.0, CPU):
        found = upright.find((points @ turn + 2)[:, order])
        torch.testing.assert_close(found.keypoints, known @ turn + 2, atol=1e-4, rtol=0)
    seen = (points @ turn + 2)[:, order]
    apart = torch.cdist(found.keypoints, seen, compute_mode="donot_use_mm_for_euclid_dist")
    chosen = apart.gather(2, found.indices[..., None])[..., 0]
    torch.testing.assert_close(chosen, apart.amin(2), atol=1e-4, rtol=0)


def test_what_the_teacher_says_to_be_visible_is_visible(upright, monkeypatch):
    points, find = chairs(2, seed=7), upright.teacher.find
    said = torch.arange(16).view(2, 8) % 3 > 0
    monkeypatch.setattr(upright.teacher, "find", lambda seen, how: replace(find(seen, how), visible=said))
    assert torch.equal(upright.find(points).visible, said)


def test_left_and_right_are_told_apart(upright):
    points = chairs(6, seed=9)
    mirrored = upright.find(points * torch.tensor([1.0, -1, 1])).keypoints * torch.tensor([1.0, -1, 1])
    apart = (mirrored - upright.find(points).keypoints).norm(dim=2)
    # The corners have other numbers: a mirrored chair has its arm rest on the other side.
    assert (apart.amax(1) > 0.5).all()


def test_the_checkpoint_holds_the_teacher(upright):
    again = Upright(MODEL, OPTIONS)
    again.load_state_dict(upright.state_dict())
    points = chairs(3, seed=2)
    assert torch.equal(again.find(points).keypoints, upright.find(points).keypoints)
    assert all(isinstance(value, torch.Tensor) for value in upright.state_dict().values())
    assert not upright.has_steps


def test_a_checkpoint_of_before_says_what_to_do():
    with pytest.raises(KgError, match="older kg") as refused:
        Upright(MODEL, OPTIONS).load_state_dict({"choice.score.weight": torch.zeros(1, 48)})
    assert "--detector upright" in str(refused.value.hint)


def test_what_cannot_be_is_refused():
    with pytest.raises(KgError, match="cannot be stretched"):
        Upright(replace(MODEL, normalisation="stretch"), OPTIONS).check()
    with pytest.raises(KgError, match="has 8 keypoints, and 4"):
        Upright(replace(MODEL, keypoints=4), OPTIONS).fit(examples())
    logits, vectors = PoseNetwork()(torch.zeros(2, 24, 9**3 + 3))
    assert (logits.shape, vectors.shape) == ((2, 24), (2, 24, 3))


def test_a_teacher_that_sees_how_shapes_lie_mends_what_looks_alike(monkeypatch):
    asked = []
    monkeypatch.setattr(Box, "turn_back", lambda box, search: asked.append(search), raising=False)
    teacher = Config(model=replace(MODEL, detector="box"), train=OPTIONS)
    Upright(MODEL, OPTIONS).follow_teacher(Box(teacher.model, OPTIONS), teacher, examples())
    assert asked == ["sides"]


def test_a_half_turn_undoes_itself():
    every = half_turns()
    assert len(every) == len({tuple(way.flatten().tolist()) for way in every}) == 4
    torch.testing.assert_close(every @ every, torch.eye(3).expand(4, 3, 3))
    torch.testing.assert_close(torch.linalg.det(every), torch.ones(4))


def with_a_backbone(monkeypatch, off, count=30):
    """Return a detector whose first look turns all by a half turn too much, where `off` says so."""
    monkeypatch.setattr(halves, "STEPS", 150)
    monkeypatch.setattr(halves, "RATE", 3e-3)
    monkeypatch.setattr(
        PoseNetwork, "turns", lambda pose, points: half_turns()[off].double().expand(len(points), 3, 3)
    )
    torch.manual_seed(0)
    model = replace(MODEL, backbone="tiny")
    made, teacher = Upright(model, OPTIONS), Config(model=replace(model, detector="student"), train=OPTIONS)
    made.follow_teacher(Student(teacher.model, OPTIONS).eval(), teacher, examples(count))
    return made.eval()


@pytest.mark.parametrize("off", [1, 3])
def test_a_teacher_with_a_backbone_looks_twice(tiny_backbone, monkeypatch, off):
    made = with_a_backbone(monkeypatch, off)
    assert isinstance(made.halves, HalfTurns)
    points = chairs(seed=5)
    # The same teacher, on chairs that lie upright.
    known = with_a_backbone(monkeypatch, 0).find(points).keypoints
    missed = (made.find(points).keypoints - known).norm(dim=2).amax(1)
    assert (missed < 1e-3).double().mean() > 0.9


def test_the_checkpoint_holds_the_second_look(tiny_backbone, monkeypatch):
    made = with_a_backbone(monkeypatch, 2)
    again = Upright(made.config, OPTIONS)
    again.load_state_dict(made.state_dict())
    points = chairs(3, seed=2) @ half_turns()[2]
    assert torch.equal(again.halves.turns(points), made.halves.turns(points))


def test_a_few_objects_teach_no_second_look(tiny_backbone, monkeypatch):
    monkeypatch.setattr(HalfTurns, "fit", lambda *_: pytest.fail("it learns from too few"))
    made = with_a_backbone(monkeypatch, 1, count=4)
    assert made.halves is None


def test_a_second_look_that_mends_nothing_is_forgotten(tiny_backbone, monkeypatch):
    made = with_a_backbone(monkeypatch, 0)
    assert made.halves is None
    assert not any(name.startswith("halves") for name in made.state_dict())
