"""An MLP on the members of groups and the maximum over each group, with little in memory.

What PointNet++ spends its time on. Layer by layer, values of all members of all groups would be written
and kept: 0.5 GB for 8 clouds of 2,048 points. Here they go through in pieces that stay in the cache. Kept
for the gradient are the middle layers' values before normalisation; the first layer's are gathered anew,
the last layer's are never needed: through the batch's moments every member gets a gradient, but one that
is linear in the layer's input, so that two small matrices stand for it, and beyond it only the winners
are pulled.
"""

from collections.abc import Iterator
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor

from kg.ops.kernels import run
from kg.ops.norm import Line, Moments, line, through_moments
from kg.ops.signature import Signature, check_indices
from kg.ops.torch_kernels import merge_moments, piece_counts

CACHED = 1 << 19
"""Numbers of a layer that a thread works on at a time, 2 MB: in smaller pieces calls cost more."""
HELD = 1 << 26
"""The same on other devices, where only the memory sets a limit."""

_GROUPS = Signature(
    "points:float B N C, centres:float B S C, members:index B S k, norm_weight C, norm_bias C"
)
_LAYER = Signature("norm_weight D, norm_bias D, weight D C, bias D")
_MOMENTS = Signature("norm_weight D, mean D, variance D")


class Layer(NamedTuple):
    """A linear layer and its normalisation: (D, C), and (D,) for each of the others.

    The first layer of a group's MLP has no linear part: it was applied to the points before.
    """

    norm_weight: Tensor
    norm_bias: Tensor
    weight: Tensor | None = None
    bias: Tensor | None = None

    @property
    def linear(self) -> tuple[Tensor, Tensor]:
        """The linear part of a layer that has one."""
        assert self.weight is not None
        assert self.bias is not None
        return self.weight, self.bias


def _flatten(layers: list[Layer]) -> list[Tensor]:
    return [value for layer in layers for value in layer if value is not None]


def _layers(flat: list[Tensor]) -> list[Layer]:
    return [Layer(*flat[:2]), *(Layer(*flat[first : first + 4]) for first in range(2, len(flat), 4))]


def _moments(flat: list[Tensor]) -> list[Moments]:
    return [Moments(*flat[first : first + 2]) for first in range(0, len(flat), 2)]


class _Groups:
    """Groups (G, k) of points' rows (P, C) about centres (G, C), taken apart into pieces of groups."""

    def __init__(self, points: Tensor, centres: Tensor, members: Tensor, widest: int, low: bool) -> None:
        batch, size, _ = points.shape
        base = torch.arange(batch, device=points.device)[:, None, None] * size
        self.members = (members + base).flatten(0, 1).contiguous()
        self.points, self.centres = points.flatten(0, 1).contiguous(), centres.flatten(0, 1).contiguous()
        self.low = low
        each = CACHED * torch.get_num_threads() if points.device.type == "cpu" else HELD
        self.step = max(1, each // (members.shape[2] * widest))

    @property
    def count(self) -> int:
        return self.members.numel()

    def pieces(self) -> Iterator[slice]:
        for first in range(0, len(self.members), self.step):
            yield slice(first, first + self.step)

    def rows_of(self, piece: slice) -> slice:
        """Return the rows, one a member, of a piece of groups."""
        each = self.members.shape[1]
        return slice(piece.start * each, min(piece.stop, len(self.members)) * each)

    def first(self, piece: slice) -> Tensor:
        """Return the values of the first layer, before its normalisation: (rows, C)."""
        rows: Tensor = run("group_rows", self.points, self.centres[piece], self.members[piece])
        return rows.flatten(0, 1)

    def values(self, layer: int, piece: slice, stored: list[Tensor]) -> Tensor:
        """Return the values of a layer before the last: (rows, C)."""
        return self.first(piece) if layer == 0 else stored[layer - 1][self.rows_of(piece)]

    def product(
        self, one: Tensor, other: Tensor, plus: Tensor | None = None, out: Tensor | None = None
    ) -> Tensor:
        """Return a matrix product and a row added to it, in bfloat16 where precision is low.

        It is written to `out` where there is one.
        """
        if not self.low:
            return torch.mm(one, other, out=out) if plus is None else torch.addmm(plus, one, other, out=out)
        result = (one.bfloat16() @ other.bfloat16()).to(one.dtype)
        if plus is not None:
            result += plus
        return result if out is None else out.copy_(result)

    def grouped(self, rows: Tensor) -> Tensor:
        return rows.view(-1, self.members.shape[1], rows.shape[1])


class _Sums:
    """Moments of rows that come in pieces."""

    def __init__(self) -> None:
        self.parts: list[tuple[Tensor, Tensor]] = []

    def add(self, rows: Tensor) -> None:
        self.parts.append(run("moments", rows))

    def merged(self, groups: _Groups) -> Moments:
        if len(self.parts) == 1:
            return Moments(*self.parts[0])
        means, variances = (torch.stack(values) for values in zip(*self.parts, strict=True))
        each = groups.step * groups.members.shape[1]
        return Moments(*merge_moments(means, variances, piece_counts(groups.count, means.device, each)))


def _forward(
    groups: _Groups, layers: list[Layer], running: list[Moments], eps: float, keep: bool
) -> tuple[Tensor, list[Moments], list[Tensor], list[Tensor]]:
    """Return the maxima (G, D), the moments, the middle layers' values, and the winners and their values."""
    last = len(layers) - 1
    moments, lines = (
        list(running),
        [line(*each[:2], known, eps) for each, known in zip(layers, running, strict=False)],
    )
    total, dtype, device = groups.count, groups.points.dtype, groups.points.device
    # With the batch's own moments a middle layer is read again, once they are known.
    stored = [
        torch.empty((total, len(layer.norm_weight)), dtype=dtype, device=device)
        if keep or not running
        else torch.empty(0)
        for layer in layers[1:last]
    ]
    winners: list[tuple[Tensor, Tensor]] = []

    def kept(number: int, piece: slice) -> Tensor | None:
        """Return where the values of a middle layer are stored, if they are."""
        middle = 0 < number < last and stored[number - 1].numel()
        return stored[number - 1][groups.rows_of(piece)] if middle else None

    def advance(number: int, piece: slice, values: Tensor | None, sums: _Sums) -> Tensor:
        """Return the values of layer `number`, from those of the one before it."""
        if number == 0:
            values = groups.first(piece)
        else:
            if values is None:
                values = groups.values(number - 1, piece, stored)
            before = lines[number - 1]
            inputs = run("affine_relu", values, before.slope, before.shift)
            weight, bias = layers[number].linear
            values = groups.product(inputs, weight.T, bias, out=kept(number, piece))
        if not running:
            sums.add(values)
        if number == last:
            # Of a line only the sign of its slope matters, which is that of the weight.
            winners.append(run("group_extremes", groups.grouped(values), layers[last].norm_weight))
        return values

    for passed in [range(last + 1)] if running else [range(n, n + 1) for n in range(last + 1)]:
        sums = _Sums()
        for piece in groups.pieces():
            values = None
            for number in passed:
                values = advance(number, piece, values, sums)
        if not running:
            moments.append(sums.merged(groups))
            lines.append(line(*layers[passed[0]][:2], moments[-1], eps))
    index, extremes = (torch.cat(parts) for parts in zip(*winners, strict=True))
    result = torch.addcmul(lines[last].shift, extremes, lines[last].slope).relu_()
    return result, moments, stored, [index, extremes]


@torch.library.custom_op("kg::group_mlp_max", mutates_args=())
def _group_mlp_max(
    points: Tensor,
    centres: Tensor,
    members: Tensor,
    layers: list[Tensor],
    running: list[Tensor],
    eps: float,
    low: bool,
    keep: bool,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    check_indices("members", members, points.shape[1])
    made = _layers([value.contiguous() for value in layers])
    groups = _Groups(points, centres, members, max(len(layer.norm_weight) for layer in made), low)
    result, moments, stored, winners = _forward(groups, made, _moments(running), eps, keep)
    result = result.view(*members.shape[:2], -1)
    flat = [value.clone() if running else value for each in moments for value in each]
    return result, flat, [*winners, *stored] if keep else []


@_group_mlp_max.register_fake
def _(
    points: Tensor,
    centres: Tensor,
    members: Tensor,
    layers: list[Tensor],
    running: list[Tensor],
    eps: float,
    low: bool,
    keep: bool,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    made = _layers(layers)
    total, groups, width = members.numel(), members.shape[0] * members.shape[1], len(made[-1].norm_weight)
    kept = []
    if keep:
        kept = [points.new_empty((groups, width), dtype=torch.int32), points.new_empty((groups, width))]
        kept += [points.new_empty((total, len(layer.norm_weight))) for layer in made[1:-1]]
    moments = [torch.empty_like(layer.norm_weight) for layer in made for _ in range(2)]
    return points.new_empty((*members.shape[:2], width)), moments, kept


@torch.library.custom_op("kg::group_mlp_max_backward", mutates_args=())
def _group_mlp_max_backward(
    grad: Tensor,
    points: Tensor,
    centres: Tensor,
    members: Tensor,
    layers: list[Tensor],
    moments: list[Tensor],
    kept: list[Tensor],
    eps: float,
    low: bool,
    batch: bool,
) -> tuple[Tensor, Tensor, list[Tensor]]:
    made = _layers([value.contiguous() for value in layers])
    groups = _Groups(points, centres, members, max(len(layer.norm_weight) for layer in made), low)
    to_points, to_centres, to_layers = _Backward(groups, made, _moments(moments), kept, eps, batch).run(
        grad.flatten(0, 1)
    )
    return to_points.view(points.shape), to_centres.view(centres.shape), _flatten(to_layers)


@_group_mlp_max_backward.register_fake
def _(
    grad: Tensor,
    points: Tensor,
    centres: Tensor,
    members: Tensor,
    layers: list[Tensor],
    moments: list[Tensor],
    kept: list[Tensor],
    eps: float,
    low: bool,
    batch: bool,
) -> tuple[Tensor, Tensor, list[Tensor]]:
    empty = [value.new_empty(value.shape) for value in layers]
    return points.new_empty(points.shape), centres.new_empty(centres.shape), empty


class _Backward:
    """The way back through a group's MLP, from the maxima to the points."""

    def __init__(
        self,
        groups: _Groups,
        layers: list[Layer],
        moments: list[Moments],
        kept: list[Tensor],
        eps: float,
        batch: bool,
    ) -> None:
        self.groups, self.layers, self.moments, self.batch = groups, layers, moments, batch
        self.index, self.extremes, *self.stored = kept
        self.lines = [line(*layer[:2], known, eps) for layer, known in zip(layers, moments, strict=True)]

    def run(self, grad: Tensor) -> tuple[Tensor, Tensor, list[Layer]]:
        """Return the gradients of the points' rows, of the centres, and of the layers."""
        last = len(self.layers) - 1
        normal, mean = self.lines[last], self.moments[last].mean
        grad = grad * (torch.addcmul(normal.shift, self.extremes, normal.slope) > 0)
        sums = (grad * (self.extremes - mean)).sum(0) * normal.scale, grad.sum(0)
        pull = (grad * normal.slope).contiguous()
        layer_grads = [Layer(*sums)]
        if last == 0:
            to_points, to_centres = self._to_points(self._only_layer(pull, *sums))
            return to_points, to_centres, layer_grads
        weight, gradient, sums = self._last(pull, *sums)
        bias = torch.zeros_like(pull[0]) if self.batch else pull.sum(0)
        layer_grads[0] = Layer(*layer_grads[0][:2], weight, bias)
        for number in range(last - 1, 0, -1):
            weight, bias, gradient, below = self._middle(number, gradient, *sums)
            layer_grads.insert(0, Layer(*sums, weight, bias))
            sums = below
        layer_grads.insert(0, Layer(*sums))
        factor, constant = self._through(0, *sums)
        normal = self.lines[0]

        def through(piece: slice) -> Tensor:
            rows = self.groups.first(piece)
            upstream = gradient[self.groups.rows_of(piece)]
            result: Tensor = run(
                "affine_relu_backward", upstream, rows, normal.slope, normal.shift, factor, constant
            )
            return result

        return *self._to_points(through), layer_grads

    def _through(self, number: int, grad_weight: Tensor, grad_bias: Tensor) -> tuple[Tensor, Tensor]:
        mean = self.moments[number].mean
        if not self.batch:
            return torch.zeros_like(mean), torch.zeros_like(mean)
        return through_moments(self.lines[number], mean, grad_weight, grad_bias, self.groups.count)

    def _only_layer(self, pull: Tensor, grad_weight: Tensor, grad_bias: Tensor) -> Any:
        factor, constant = self._through(0, grad_weight, grad_bias)

        def through(piece: slice) -> Tensor:
            rows = self.groups.grouped(torch.addcmul(constant, self.groups.first(piece), factor))
            rows.scatter_add_(1, self.index[piece, None].to(torch.int64), pull[piece, None])
            return rows.flatten(0, 1)

        return through

    def _last(
        self, pull: Tensor, grad_weight: Tensor, grad_bias: Tensor
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Return the gradients of the last weight and of its input, and the sums for the layer before.

        A member's value is v = W h + b, and through the moments it gets p v + q, so that its input gets
        Wᵀ p W h + r, with r the same for all members. The sum of (p v + q) hᵀ, the weight's gradient,
        follows from the sum of h hᵀ.
        """
        groups, number = self.groups, len(self.layers) - 1
        layer, before = self.layers[number], self.lines[number - 1]
        weight, bias = layer.linear
        factor, constant = self._through(number, grad_weight, grad_bias)
        inner = weight.T @ (weight * factor[:, None])  # (C, C)
        rest = (bias * factor + constant) @ weight  # (C,)
        width = weight.shape[1]
        gradient = pull.new_empty((groups.count, width))
        to_weight = torch.zeros_like(weight)
        squares, plain = (
            pull.new_zeros((width, width), dtype=torch.float64),
            pull.new_zeros(width, dtype=torch.float64),
        )
        sums = _PairOfSums(self.moments[number - 1].mean)
        for piece in groups.pieces():
            rows, span = groups.values(number - 1, piece, self.stored), groups.rows_of(piece)
            inputs = run("affine_relu", rows, before.slope, before.shift)
            upstream = gradient[span]
            if self.batch:
                groups.product(inputs, inner, rest, out=upstream)
                squares += groups.product(inputs.T, inputs)
                plain += inputs.sum(0)
            else:
                upstream.zero_()
            to_weight += run(
                "extremes_backward",
                groups.grouped(upstream),
                groups.grouped(inputs),
                self.index[piece],
                pull[piece],
                weight,
            )
            sums.add(upstream, rows, before)
        if self.batch:
            dense = weight.double() @ squares * factor[:, None].double()
            dense += torch.outer((bias * factor + constant).double(), plain)
            to_weight += dense.to(weight.dtype)
        return to_weight, gradient, sums.scaled(before)

    def _middle(
        self, number: int, gradient: Tensor, grad_weight: Tensor, grad_bias: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Return the gradients of a layer's weight, bias and input, and the sums for the layer before."""
        groups, layer = self.groups, self.layers[number]
        normal, before = self.lines[number], self.lines[number - 1]
        weight, _ = layer.linear
        factor, constant = self._through(number, grad_weight, grad_bias)
        to_weight, to_bias = torch.zeros_like(weight), torch.zeros_like(normal.slope)
        below = gradient.new_empty((groups.count, weight.shape[1]))
        sums = _PairOfSums(self.moments[number - 1].mean)
        for piece in groups.pieces():
            span = groups.rows_of(piece)
            values = groups.values(number, piece, self.stored)
            upstream = run(
                "affine_relu_backward", gradient[span], values, normal.slope, normal.shift, factor, constant
            )
            rows = groups.values(number - 1, piece, self.stored)
            to_weight += groups.product(upstream.T, run("affine_relu", rows, before.slope, before.shift))
            if not self.batch:
                to_bias += upstream.sum(0)
            groups.product(upstream, weight, out=below[span])
            sums.add(below[span], rows, before)
        return to_weight, to_bias, below, sums.scaled(before)

    def _to_points(self, through: Any) -> tuple[Tensor, Tensor]:
        """Return the gradients of the points' rows and of the centres."""
        groups = self.groups
        total = torch.zeros_like(groups.points)
        centres = [
            run("group_rows_backward", groups.grouped(through(piece)), groups.members[piece], total)
            for piece in groups.pieces()
        ]
        return total, torch.cat(centres)


class _PairOfSums:
    """The gradients of a normalisation's weight and bias, from rows that come in pieces."""

    def __init__(self, mean: Tensor) -> None:
        self.mean = mean
        self.parts: list[tuple[Tensor, Tensor]] = []

    def add(self, grad: Tensor, rows: Tensor, normal: Line) -> None:
        self.parts.append(run("affine_relu_sums", grad, rows, normal.slope, normal.shift, self.mean))

    def scaled(self, normal: Line) -> tuple[Tensor, Tensor]:
        weighted, plain = (reduce(torch.add, parts) for parts in zip(*self.parts, strict=True))
        return weighted * normal.scale, plain


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, list[Tensor], list[Tensor]]) -> None:
    # What is kept is too large to make a gradient of zeros for it.
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(*output[1], *output[2])
    points, centres, members, layers, running, ctx.eps, ctx.low, _ = inputs
    ctx.running, ctx.layers, ctx.moments = len(running), len(layers), len(output[1])
    ctx.save_for_backward(points, centres, members, *layers, *output[1], *output[2])


def _backward(ctx: Any, grad: Tensor | None, *_: Any) -> tuple[Any, ...]:
    if grad is None:
        return None, None, None, [None] * ctx.layers, [None] * ctx.running, None, None, None
    points, centres, members, *rest = ctx.saved_tensors
    layers, rest = rest[: ctx.layers], rest[ctx.layers :]
    moments, kept = rest[: ctx.moments], rest[ctx.moments :]
    to_points, to_centres, to_layers = _group_mlp_max_backward(
        grad, points, centres, members, layers, moments, kept, ctx.eps, ctx.low, not ctx.running
    )
    return to_points, to_centres, None, to_layers, [None] * ctx.running, None, None, None


_group_mlp_max.register_autograd(_backward, setup_context=_keep)


def _check(
    points: Tensor, centres: Tensor, members: Tensor, layers: list[Layer], running: list[Moments] | None
) -> None:
    if not layers or layers[0].weight is not None or layers[0].bias is not None:
        raise ValueError("the first of one or more layers must be a normalisation without a linear part")
    first, *others = layers
    _GROUPS.check(points, centres, members, *first[:2])
    if members.numel() == 0:
        raise ValueError(f"no members have no maximum: {tuple(members.shape)}")
    width = len(first.norm_weight)
    for layer in others:
        if layer.weight is None or layer.bias is None:
            raise ValueError("every layer but the first must have a linear part")
        sizes = _LAYER.check(*layer[:2], *layer.linear)
        if sizes["C"] != width or layer.weight.dtype != first.norm_weight.dtype:
            expected = f"(D, {width}) of {first.norm_weight.dtype}"
            raise ValueError(
                f"weight must be {expected}, not {tuple(layer.weight.shape)} of {layer.weight.dtype}"
            )
        width = sizes["D"]
    if running:
        if len(running) != len(layers):
            raise ValueError(f"{len(layers)} layers must have as many moments, not {len(running)}")
        for layer, moments in zip(layers, running, strict=True):
            _MOMENTS.check(layer.norm_weight, *moments)


def group_mlp_max(
    points: Tensor,
    centres: Tensor,
    members: Tensor,
    layers: list[Layer],
    running: list[Moments] | None = None,
    *,
    eps: float = 1e-5,
    low: bool = False,
) -> tuple[Tensor, list[Moments]]:
    """Return the largest outputs of an MLP over each group's members, (B, S, D), and the layers' moments.

    A member's input is `points[member] - centre`. Each layer normalises, rectifies, and all but the first
    begin with a linear map. Differentiable in points, centres and layers, through the moments too where
    they are the batch's; the gradient of a maximum goes to the first of equal members.

    Args:
        points: (B, N, C), what the first linear layer makes of the points.
        centres: (B, S, C), what it makes of the centres, without its bias.
        members: (B, S, k) int64 in [0, N).
        layers: One or more; the first has no linear part.
        running: Moments to normalise by, one a layer; none for those of the batch, of one row or more.
        eps: Added to the variances.
        low: Multiply matrices in bfloat16.

    Raises:
        ValueError: The shapes or dtypes do not belong together, there is no member, or one is outside
            [0, N), as seen on the CPU.
    """
    _check(points, centres, members, layers, running)
    flat = _flatten(layers)
    keep = torch.is_grad_enabled() and any(value.requires_grad for value in (points, centres, *flat))
    moments_given = [value for each in running or [] for value in each]
    dtype = layers[0].norm_weight.dtype
    result, moments, _ = _group_mlp_max(
        points.to(dtype), centres.to(dtype), members, flat, moments_given, eps, low, keep
    )
    return result, _moments(moments)
