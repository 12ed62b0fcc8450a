"""Muon: weight matrices move by orthogonal updates, everything else by AdamW.

Jordan and others, "Muon: An optimizer for hidden layers in neural networks", 2024; at the learning rates of
AdamW by Liu and others, "Muon is Scalable for LLM Training", 2025.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from kg.ops.precision import fast_type

MOMENTUM = 0.95
MATCHED = 0.2
"""Root mean square of an update of AdamW, in units of the learning rate."""
STEPS = 5
QUINTIC = (3.4445, -4.7750, 2.0315)
"""Of the iteration that brings all singular values near 1."""
INNER, OUTER = 16, 1024
"""Shorter sides are too few directions to be levelled; longer ones are heads, whose rows differ in use."""


class Muon(torch.optim.AdamW):
    """AdamW, but for weight matrices: their momentum is made orthogonal first, so that all directions learn.

    `torch.optim.Muon` takes matrices alone, one after the other. Here those of one shape are done together.

    Args:
        parameters: Of the model, in one group.
        options: As those of AdamW.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update all parameters that have a gradient; those of matrices are taken away."""
        assert closure is None
        for group in self.param_groups:
            for matrices in _alike(group["params"]):
                self._move(matrices, group["lr"], group["weight_decay"])
                for matrix in matrices:
                    matrix.grad = None  # so that AdamW leaves it alone
        super().step()

    def _move(self, matrices: list[Tensor], rate: float | Tensor, decay: float) -> None:
        """Update matrices of one shape."""
        for matrix in matrices:
            if not self.state[matrix]:
                # AdamW looks for the number of steps in each state that it loads.
                self.state[matrix] = {"step": torch.zeros(()), "momentum": torch.zeros_like(matrix)}
        gradients = [matrix.grad for matrix in matrices if matrix.grad is not None]
        momenta = [self.state[matrix]["momentum"] for matrix in matrices]
        torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
        ahead = torch.stack([*torch._foreach_lerp(gradients, momenta, MOMENTUM)])
        updates = orthogonal(ahead) * (rate * MATCHED * max(ahead.shape[1:]) ** 0.5)
        torch._foreach_mul_(matrices, 1 - rate * decay)
        torch._foreach_sub_(matrices, [*updates])


def orthogonal(matrices: Tensor) -> Tensor:
    """Return (n, A, B) with the singular vectors of (n, A, B), and singular values of about 1, 0.7 to 1.2."""
    a, b, c = QUINTIC
    tall = matrices.shape[1] > matrices.shape[2]
    values = matrices.mT if tall else matrices
    values = values / values.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    values = values.to(fast_type(matrices.device.type)).contiguous()
    for _ in range(STEPS):
        gram = values @ values.mT
        values = torch.baddbmm(values, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), values, beta=a)
    return (values.mT if tall else values).to(matrices.dtype)


def _alike(parameters: list[Tensor]) -> Iterator[list[Tensor]]:
    """Yield the weight matrices that have a gradient, those of one shape together."""
    own = [
        each
        for each in parameters
        if each.grad is not None and each.ndim == 2 and min(each.shape) >= INNER and max(each.shape) < OUTER
    ]
    for _, alike in groupby(sorted(own, key=_shape), key=_shape):
        yield [*alike]


def _shape(parameter: Tensor) -> tuple[int, ...]:
    return tuple(parameter.shape)
