"""How fast a training step and inference are here, and what the hardware would allow."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from kg import plugins
from kg.config import Config, preset
from kg.model.detector import Batch, Detector, Examples
from kg.model.layers import GroupMLP
from kg.model.making import make_detector
from kg.ops.bench import Case, ellipsoids
from kg.ops.precision import Precision, autocast
from kg.ops.recording import Recorder
from kg.train.step import Step


def model_cases(
    config: Config, batch: int, points: int, device: torch.device, precision: Precision, parts: Sequence[str]
) -> list[Case]:
    """Return a training step and inference of a detector, and its matrix products alone.

    The step has all losses; the optimizer's update is in it. The products are those of the same layers,
    as PyTorch multiplies them, forward for inference, forward and backward for training. A detector without
    parameters has neither a step nor products.
    """
    torch.manual_seed(0)
    model = make_detector(config.model, config.train)
    examples = rigid_examples(ellipsoids(batch, points, torch.device("cpu")))
    model.fit(examples)
    model = model.to(device)
    clouds = examples.batch().to(device)
    cases = []
    if "training" in parts and model.has_steps:
        run = training_step(model, clouds, config, precision)
        losses = partial(model.train().losses, clouds, model.stage(config.train.epochs))
        products = matrix_products(model, losses, device, precision, backward=True)
        cases += [Case("training step", "in use", run), Case("its matrix products", "in use", products)]
    if "inference" in parts:
        for count in sorted({batch, 1}, reverse=True):
            run = inference(model, clouds.points[:count], precision)
            name = f"inference, {count} cloud{'s' if count > 1 else ''}"
            cases.append(Case(name, "in use", run))
        if model.has_steps:
            run = inference(model, clouds.points, precision)
            products = matrix_products(model, run, device, precision, backward=False)
            cases.append(Case(f"matrix products of {batch}", "in use", products))
    return cases


def rigid_examples(points: Tensor) -> Examples:
    """Return clouds (n, N, 3) of as many objects as what a detector is fitted to: each lies as at rest."""
    low, high = points.amin(1, keepdim=True), points.amax(1, keepdim=True)
    return Examples(
        points=points,
        rest=2 * (points - low) / (high - low) - 1,
        boxes=(high - low)[:, 0],
        objects=[str(number) for number in range(len(points))],
        frames=[0] * len(points),
        landmarks=None,
        landmark_ids=None,
        landmark_names={},
        categories=["ellipsoid"] * len(points),
    )


def training_step(
    model: Detector, clouds: Batch, config: Config, precision: Precision
) -> Callable[[], object]:
    """Return what does one step of training on clouds."""
    options = replace(config.train, precision=precision)
    step = Step(model, options)
    stage = model.stage(options.epochs)
    return lambda: step.run(clouds, options.learning_rate, stage, 0)


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


def configure(keypoints: int, detector: str) -> Config:
    """Return kg's own configuration for a detector with K keypoints.

    Raises:
        KgError: There is no such detector.
    """
    options = {"detector": detector, **plugins.DETECTORS.load(detector).defaults, "keypoints": str(keypoints)}
    config = preset("kg")
    for name, text in options.items():
        config = config.override(name, text)
    return config
