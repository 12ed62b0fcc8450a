"""How fast a training step and inference are here, and what the hardware would allow."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from kg.config import Config
from kg.model.detector import Batch, Detector, make_detector
from kg.model.layers import GroupMLP
from kg.ops.bench import Case, ellipsoids
from kg.ops.precision import Precision, autocast
from kg.ops.recording import Recorder
from kg.train.step import Step


def model_cases(
    config: Config, batch: int, points: int, device: torch.device, precision: Precision, parts: Sequence[str]
) -> list[Case]:
    """Return a training step and inference of a network, and its matrix products alone.

    The step has all losses; the optimizer's update is in it. The products are those of the same layers,
    as PyTorch multiplies them, forward for inference, forward and backward for training.
    """
    torch.manual_seed(0)
    model = make_detector(config.model, config.train).to(device)
    cloud = ellipsoids(batch, points, device)
    cases = []
    if "training" in parts:
        run = training_step(model, cloud, config, precision)
        losses = partial(model.train().losses, Batch(cloud), model.stage(config.train.epochs))
        products = matrix_products(model, losses, device, precision, backward=True)
        cases += [Case("training step", "in use", run), Case("its matrix products", "in use", products)]
    if "inference" in parts:
        for count in sorted({batch, 1}, reverse=True):
            run = inference(model, cloud[:count], precision)
            name = f"inference, {count} cloud{'s' if count > 1 else ''}"
            cases.append(Case(name, "in use", run))
        run = inference(model, cloud, precision)
        products = matrix_products(model, run, device, precision, backward=False)
        cases.append(Case(f"matrix products of {batch}", "in use", products))
    return cases


def training_step(
    model: Detector, cloud: Tensor, config: Config, precision: Precision
) -> Callable[[], object]:
    """Return what does one step of training on clouds (B, N, 3)."""
    options = replace(config.train, precision=precision)
    step = Step(model, options)
    stage = model.stage(options.epochs)
    return lambda: step.run(Batch(cloud), options.learning_rate, stage, 0)


def inference(model: Detector, cloud: Tensor, precision: Precision) -> Callable[[], object]:
    """Return what finds the keypoints of clouds (B, N, 3)."""

    @torch.no_grad()
    def find(points: Tensor) -> Tensor:
        with autocast(points.device, precision):
            keypoints: Tensor = model.eval().find(points).keypoints
        return keypoints

    recorder = Recorder(find, cloud.device, model.recordable)
    return lambda: recorder(cloud)


def matrix_products(
    model: nn.Module,
    run: Callable[[], object],
    device: torch.device,
    precision: Precision,
    *,
    backward: bool,
) -> Callable[[], object]:
    """Return the matrix products of the linear layers that `run` passes through, and nothing else."""
    sizes: list[tuple[int, int, int]] = []

    def linear(module: nn.Linear, arguments: tuple[Tensor, ...]) -> None:
        sizes.append((arguments[0].numel() // module.in_features, module.in_features, module.out_features))

    def group(module: GroupMLP, arguments: tuple[Tensor, ...]) -> None:
        # Its later layers are multiplied within an operation.
        rows = arguments[3].numel()
        sizes.extend((rows, layer.in_features, layer.out_features) for layer in module.linears)

    hooks = [
        module.register_forward_pre_hook(linear if isinstance(module, nn.Linear) else group)
        for module in model.modules()
        if isinstance(module, nn.Linear | GroupMLP)
    ]
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    kind = torch.bfloat16 if precision == "bf16" else torch.float32

    def multiply() -> None:
        for rows, inputs, outputs in sizes:
            values = torch.empty((rows, inputs), dtype=kind, device=device)
            weight = torch.empty((outputs, inputs), dtype=kind, device=device)
            result = values @ weight.T
            if backward:
                _ = result @ weight, result.T @ values

    return multiply


def with_keypoints(config: Config, keypoints: int) -> Config:
    """Return a configuration with K keypoints."""
    return replace(config, model=replace(config.model, keypoints=keypoints))
