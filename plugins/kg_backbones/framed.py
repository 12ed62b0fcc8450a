"""A backbone that sees each cloud in a frame of its own, so that it does not matter how the cloud lies."""

from typing import ClassVar

import torch
from torch import Tensor

from kg import ops, plugins
from kg.errors import KgError
from kg.model import Backbone, Features, Pyramid
from kg.model.backbone import check_features
from kg.model.making import check_options
from kg.model.normalisation import normalised
from kg_backbones.layered import Layered

WIDENED = 0.1
"""Standard deviation of what a cloud is stretched by while training, before its axes are looked for."""
DOUBT = 0.1
"""Standard deviation of what is added to skewnesses while training, before they say where axes point."""


def frames(points: Tensor, widened: Tensor | None = None, doubt: Tensor | None = None) -> Tensor:
    """Return each cloud's own right-handed frame, (B, 3, 3) float64: axes as columns.

    The axes are the principal ones, the longest first. The two along which the cloud is most skewed point to
    its longer tail; the third follows by the right hand. A shape with a plane of symmetry has no skewness
    across it, so that it is this axis that the hand decides: left and right are told apart, and a mirrored
    shape does not come to lie on the shape itself. No gradient.

    Args:
        points: (B, N, 3).
        widened: (B, 3, 3) linear maps, near 1, of the clouds whose principal axes are taken.
        doubt: (B, 3), added to the skewness along each axis.
    """
    with torch.no_grad():
        centred = points.double() - points.double().mean(1, keepdim=True)
        covariance = centred.transpose(1, 2) @ centred / points.shape[1]
        if widened is not None:
            covariance = widened @ covariance @ widened.transpose(1, 2)
        axes = torch.linalg.eigh(covariance).eigenvectors.flip(2)
        along = centred @ axes
        skewness = along.pow(3).mean(1) / along.square().mean(1).clamp(min=1e-30).pow(1.5)  # (B, 3)
        axes = axes * torch.where(skewness < 0, -1.0, 1.0)[:, None]
        if doubt is not None:
            skewness = skewness.abs() + doubt
            axes = axes * torch.where(skewness < 0, -1.0, 1.0)[:, None]
        least = torch.nn.functional.one_hot(skewness.abs().argmin(1), 3)
        hand = torch.linalg.det(axes).sign()
        handed: Tensor = axes * torch.where(least > 0, hand[:, None], 1.0)[:, None]
        return handed


def varied_frames(points: Tensor) -> Tensor:
    """Return frames (B, 3, 3) of clouds (B, N, 3) as other shapes might have them, for training."""
    like = points.double()
    noise = WIDENED * torch.randn_like(like[:, :3])
    widened = torch.eye(3).to(like) + (noise + noise.transpose(1, 2)) / 2
    return frames(points, widened, DOUBT * torch.randn_like(like[:, 0]))


class Framed(Backbone):
    """Another backbone, on clouds that are each turned into a frame of their own.

    What it says does not change when a cloud is moved, turned or scaled, or when its points come in another
    order: its own frame turns with it, and the order of the points is that in the frame. While training the
    frames vary as those of other shapes would: axes of nearly the same length change places, and those along
    which a cloud is hardly skewed point another way. Frames of the kind of Puny et al., "Frame
    Averaging", ICLR 2022, one for each cloud instead of an average.

    Args:
        within: The backbone. `layered` has the cloud's thinnest direction as its vertical: cloth that lies
            any way is seen from above.

    Raises:
        KgError: There is no backbone of that name, or it is this one.
    """

    level_channels: ClassVar[tuple[int, ...]] = Layered.level_channels
    point_channels = Layered.point_channels
    global_channels = Layered.global_channels
    minimum_points = Layered.minimum_points

    def __init__(self, within: str = "layered", **own: str) -> None:
        super().__init__()
        if within == "framed":
            raise KgError("A frame within a frame is the same frame.", "Name another: kg list backbones")
        kind = plugins.BACKBONES.load(within)
        check_options(f"backbone {within}", kind, own)
        self.within = kind(**own)
        # Each has its own sizes, by what is within: what the class has is of its default.
        self.level_channels = self.within.level_channels  # type: ignore[misc]
        self.point_channels = self.within.point_channels  # type: ignore[misc]
        self.global_channels = self.within.global_channels  # type: ignore[misc]
        self.minimum_points = self.within.minimum_points  # type: ignore[misc]

    def forward(self, points: Tensor) -> Features:
        """See `Backbone.forward`."""
        axes = varied_frames(points) if self.training else frames(points)
        turned = (points.double() - points.double().mean(1, keepdim=True)) @ axes
        placed, scaling = normalised(turned, "longest-side")
        placed = placed.to(points.dtype)
        order = ops.canonical_order(placed)
        features = self.within(ops.gather(placed, order))
        check_features(self.within, placed, features)
        back = order.argsort(dim=1)
        centre = points.double().mean(1, keepdim=True)
        levels = [
            (scaling.back(cloud.double()) @ axes.transpose(1, 2) + centre).to(points.dtype)
            for cloud in features.pyramid.clouds[1:]
        ]
        return Features(
            Pyramid([points, *levels]),
            features.level_features,
            ops.gather(features.point_features, back),
            features.global_feature,
        )
