"""A step is the losses, their gradients and the optimizer's update, on whatever device."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from kg.model import Batch
from kg.train.step import Step
from kg_detectors.key_grid import KeyGrid
from kg_detectors.key_grid.losses import farthest_point_loss, separation_loss, similarity_loss

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def model_of(config):
    torch.manual_seed(0)
    return KeyGrid(config.model, config.train)


def clouds(batch=4):
    points = torch.randn(batch, 48, 3, generator=torch.Generator().manual_seed(1))
    return points / points.norm(dim=2, keepdim=True)


@pytest.mark.parametrize("optimizer", ["adam", "adadelta"])
def test_a_step_written_out_ends_with_the_same_weights(tiny_config, optimizer):
    options = replace(
        tiny_config.train,
        optimizer=optimizer,
        farthest_weight=2.0,
        similarity_weight=3.0,
        separation_weight=5.0,
    )
    ours = model_of(replace(tiny_config, train=options))
    theirs = deepcopy(ours)
    torch.manual_seed(7)
    losses = Step(ours, options).run(Batch(clouds()), 0.01, 1, 0)
    torch.manual_seed(7)
    found = theirs.train()(clouds())
    start = torch.randint(48, (4,))
    terms = {
        "farthest": farthest_point_loss(found.keypoints, clouds(), options.farthest, start),
        "separation": separation_loss(found.keypoints, options.separation_distance),
        "similarity": similarity_loss(found.reconstruction, clouds()),
    }
    loss = 2 * terms["farthest"] + 5 * terms["separation"] + 3 * terms["similarity"]
    assert losses == pytest.approx(
        {"loss": loss.item(), **{name: term.item() for name, term in terms.items()}}
    )
    loss.backward()
    if optimizer == "adam":
        torch.optim.Adam(theirs.parameters(), lr=0.01).step()
    else:
        torch.optim.Adadelta(theirs.parameters(), lr=0.01, eps=options.adadelta_eps).step()
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


@pytest.mark.parametrize(
    ("options", "epoch", "names"),
    [
        ({}, 1, ["loss", "farthest", "separation", "similarity"]),
        ({}, 0, ["loss", "farthest", "separation"]),
        ({"similarity_weight": 0.0}, 1, ["loss", "farthest", "separation"]),
        ({"separation_weight": 0.0}, 1, ["loss", "farthest", "similarity"]),
    ],
)
def test_losses_that_are_off_are_not_computed(tiny_config, options, epoch, names):
    config = replace(tiny_config, train=replace(tiny_config.train, **options))
    step = Step(model_of(config), config.train)
    assert list(step.run(Batch(clouds()), 0.01, step.model.stage(epoch), 0)) == names


def test_the_state_of_a_training_on_a_gpu_is_taken_over_on_the_cpu(tiny_config):
    one, other = (Step(model_of(tiny_config), tiny_config.train) for _ in range(2))
    for step in (one, other):
        torch.manual_seed(3)
        step.run(Batch(clouds()), 0.01, 1, 0)
    state = deepcopy(one.optimizer.state_dict())
    for group in state["param_groups"]:
        group |= {"capturable": True, "fused": True, "lr": torch.tensor(0.5)}
    one.load(state)
    for step in (one, other):
        torch.manual_seed(4)
        step.run(Batch(clouds()), 0.02, 1, 0)
    torch.testing.assert_close(one.model.state_dict(), other.model.state_dict(), rtol=0, atol=0)


@needs_gpu
@pytest.mark.parametrize("optimizer", ["adam", "adadelta"])
def test_steps_that_are_recorded_learn_as_those_laid_out(tiny_config, optimizer, monkeypatch):
    options = replace(tiny_config.train, optimizer=optimizer)
    seen = {}
    for recordable in (True, False):
        model = model_of(tiny_config).cuda()
        monkeypatch.setattr(model, "recordable", recordable)
        step, seen[recordable] = Step(model, options), []
        for number in range(12):
            torch.manual_seed(number)
            points = clouds(3 if number % 4 == 3 else 4).cuda()
            rate = 0.01 / (1 + number)
            seen[recordable].append(step.run(Batch(points), rate, int(number > 5), number)["loss"])
    # Sums are atomic, in an order that varies, and Adam makes much of what is nearly nothing.
    assert seen[True] == pytest.approx(seen[False], rel=0.05)
    assert seen[True][5] < seen[True][0]


@needs_gpu
def test_a_training_goes_on_from_the_cpu_on_a_gpu_and_back(tiny_config):
    here = Step(model_of(tiny_config), tiny_config.train)
    here.run(Batch(clouds()), 0.01, 1, 0)
    there = Step(deepcopy(here.model).cuda(), tiny_config.train)
    there.load(here.optimizer.state_dict())
    for step, points in ((here, clouds()), (there, clouds().cuda())):
        step.run(Batch(points), 0.01, 1, 0)
    back = Step(deepcopy(there.model).cpu(), tiny_config.train)
    back.load(there.optimizer.state_dict())
    for moment in ("step", "exp_avg", "exp_avg_sq"):
        first = next(iter(back.optimizer.state.values()))[moment]
        assert first.device.type == "cpu"
    back.run(Batch(clouds()), 0.01, 1, 0)
    assert next(iter(back.optimizer.state.values()))["step"].item() == 3
