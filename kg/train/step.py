"""One step of training: the losses of a batch, their gradients, the optimizer's update."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from kg.config import TrainConfig
from kg.model.keygrid import KeyGrid
from kg.model.losses import farthest_point_loss, separation_loss, similarity_loss
from kg.ops.precision import autocast
from kg.ops.recording import Recorder

Metrics = dict[str, float]


class Step:
    """The steps of a training.

    Attributes:
        optimizer: Over the model's parameters.

    Args:
        model: What is trained, on its device.
        options: The losses, their weights, the optimizer, the precision.
    """

    def __init__(self, model: KeyGrid, options: TrainConfig) -> None:
        self.model, self.options = model, options
        self._device = next(model.parameters()).device
        self.optimizer = make_optimizer(model, options, self._device)
        self._losses = Recorder(self._do, self._device, model.backbone.recordable)

    def run(self, points: Tensor, rate: float, similar: bool = True) -> Metrics:
        """Do a step on clouds (B, N, 3) and return its losses: "loss", their weighted sum, and each.

        Where the loss is not finite the weights are spoilt; nobody should keep them.

        Args:
            points: On the model's device.
            rate: The learning rate.
            similar: Reconstruct the clouds and learn from it, where the similarity loss has a weight.
        """
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        similar = similar and self.options.similarity_weight > 0
        names, losses = self._losses(points, similar)
        # Read together and late: a GPU is waited for once a step, and with its work laid out before it.
        return dict(zip(names, losses.tolist(), strict=True))

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over an optimizer's state, of a training on whatever device."""
        own = ("lr", "capturable", "fused")
        moved = {
            number: {
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

    def _do(self, points: Tensor, similar: bool) -> tuple[list[str], Tensor]:
        """Do a step and return the names and the values of its losses."""
        options = self.options
        self.model.train()
        with autocast(points.device, options.precision):
            found = self.model(points, reconstruct=similar)
        start = torch.randint(points.shape[1], (len(points),), device=points.device)
        far = farthest_point_loss(found.keypoints, points, options.farthest, start)
        losses = {"farthest": far}
        loss = options.farthest_weight * far
        if options.separation_weight > 0:
            losses["separation"] = separation_loss(found.keypoints, options.separation_distance)
            loss = loss + options.separation_weight * losses["separation"]
        if similar:
            losses["similarity"] = similarity_loss(found.reconstruction, points)
            loss = loss + options.similarity_weight * losses["similarity"]
        losses = {"loss": loss, **losses}
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return list(losses), torch.stack(list(losses.values())).detach()


def make_optimizer(model: nn.Module, options: TrainConfig, device: torch.device) -> torch.optim.Optimizer:
    """Return the configured optimizer over a model's parameters, as a step on that device needs it."""
    parameters, gpu = model.parameters(), device.type == "cuda"
    # What is recorded reads the rate from the GPU's memory.
    rate = torch.tensor(options.learning_rate, device=device) if gpu else options.learning_rate
    if options.optimizer == "adadelta":
        return torch.optim.Adadelta(parameters, lr=rate, eps=options.adadelta_eps, capturable=gpu)
    return torch.optim.Adam(parameters, lr=rate, capturable=gpu, fused=gpu or None)
