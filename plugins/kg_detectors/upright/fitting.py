"""How the small networks learn: by gradients, in steps of their own, before a training begins."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def fit(rates: dict[nn.Module, float], decay: float, steps: int, draw_loss: Callable[[], Tensor]) -> None:
    """Bring a loss down by AdamW, in one cycle of the learning rates.

    Args:
        rates: Modules, and the highest learning rate of each.
        decay: Weight decay.
        steps: How many.
        draw_loss: Returns the loss for other random clouds each time.
    """
    groups = [{"params": list(module.parameters()), "lr": rate} for module, rate in rates.items()]
    weights = [weight for module in rates for weight in module.parameters()]
    optimizer = torch.optim.AdamW(groups, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, list(rates.values()), steps, pct_start=0.1)
    for _ in range(steps):
        loss = draw_loss()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
