"""One step of training: the losses of a batch, their gradients, the optimizer's update."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from kg.config import TrainConfig
from kg.model.detector import Batch, Detector
from kg.ops.recording import Recorder
from kg.train.muon import Muon
from kg.train.team import Team

ALONE = Team()

Metrics = dict[str, float]


class Step:
    """The steps of a training.

    Attributes:
        optimizer: Over the model's parameters.
        shown: The model with averaged weights, or the model itself where none are averaged: what is
            validated and kept.

    Args:
        model: What is trained, on its device.
        options: The optimizer, its rate, the averaging.
        team: The processes that do the step together, each on its share of the batch.
    """

    def __init__(self, model: Detector, options: TrainConfig, team: Team = ALONE) -> None:
        self.model, self.options, self.team = model, options, team
        # One without parameters has no steps, and no device to do them on.
        self._device = next((each.device for each in model.parameters()), torch.device("cpu"))
        self.optimizer = make_optimizer(model, options, self._device)
        self.shown = deepcopy(model).requires_grad_(False) if options.averaging else model
        self._losses = Recorder(self._do, self._device, model.recordable)

    def run(self, batch: Batch, rate: float, stage: int, number: int, share: float = 1.0) -> Metrics:
        """Do a step and return its losses: "loss", their weighted sum, and each; of the whole team's batch.

        Where the loss is not finite the weights are spoilt; nobody should keep them.

        Args:
            batch: On the model's device.
            rate: The learning rate.
            stage: Of the training, as the detector counts them.
            number: Steps that were done before this one.
            share: Of the team's batch, which this one is a part of.
        """
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        names, losses = self._losses(batch, stage, share)
        if self.shown is not self.model:
            # The first steps go far: what they leave is soon forgotten.
            self._average(min(self.options.averaging, (number + 1) / (number + 10)))
        # Read together and late: a GPU is waited for once a step, and with its work laid out before it.
        return dict(zip(names, losses.tolist(), strict=True))

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over an optimizer's state, of a training on whatever device."""
        own = ("lr", "capturable", "fused")
        moved = {
            # From a file they come as texts.
            int(number): {
                name: value.to(self._device) if isinstance(value, Tensor) else value
                for name, value in each.items()
            }
            for number, each in state["state"].items()
        }
        groups = [
            {**saved, **{name: group[name] for name in own if name in group}}
            for saved, group in zip(state["param_groups"], self.optimizer.param_groups, strict=True)
        ]
        self.optimizer.load_state_dict({"state": moved, "param_groups": groups})

    def _do(self, batch: Batch, stage: int, share: float) -> tuple[list[str], Tensor]:
        """Do a step and return the names and the values of its losses."""
        self.model.train()
        terms = self.model.losses(batch, stage)
        loss = torch.stack([weight * value for weight, value in terms.values()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.team.add([each.grad for each in self.model.parameters() if each.grad is not None], share)
        if self.options.gradient_norm:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.options.gradient_norm)
        self.optimizer.step()
        values = {"loss": loss, **{name: value for name, (_, value) in terms.items()}}
        shown = torch.stack(list(values.values())).detach()
        self.team.add([shown], share)
        return list(values), shown

    @torch.no_grad()
    def _average(self, share: float) -> None:
        """Move the averaged weights towards the model's, keeping a share of them; buffers are copied."""
        averaged: list[Tensor] = [*self.shown.parameters()]
        own: list[Tensor] = [*self.model.parameters()]
        torch._foreach_lerp_(averaged, own, 1 - share)
        for mine, theirs in zip(self.shown.buffers(), self.model.buffers(), strict=True):
            mine.copy_(theirs)


def make_optimizer(model: nn.Module, options: TrainConfig, device: torch.device) -> torch.optim.Optimizer:
    """Return the configured optimizer over a model's parameters, as a step on that device needs it."""
    # As a group, which may be empty: a detector need not have parameters.
    parameters, gpu = [{"params": [*model.parameters()]}], device.type == "cuda"
    # What is recorded reads the rate from the GPU's memory.
    rate = torch.tensor(options.learning_rate, device=device) if gpu else options.learning_rate
    if options.optimizer == "adadelta":
        return torch.optim.Adadelta(parameters, lr=rate, eps=options.adadelta_eps, capturable=gpu)
    if options.optimizer in ("adamw", "muon"):
        kind = Muon if options.optimizer == "muon" else torch.optim.AdamW
        return kind(parameters, lr=rate, weight_decay=options.weight_decay, capturable=gpu, fused=True)
    return torch.optim.Adam(parameters, lr=rate, capturable=gpu, fused=gpu or None)
