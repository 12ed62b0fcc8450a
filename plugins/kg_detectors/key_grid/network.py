"""Key-Grid: keypoints, their skeleton and the reconstruction that teaches both."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from kg import ops
from kg.config import Inference, ModelConfig, TrainConfig
from kg.errors import KgError
from kg.model import Adopted, Batch, Detector, Found, HeatmapUse, Losses
from kg.model.backbone import Features, check_features
from kg.model.detector import check_points
from kg.model.layers import MLP
from kg.ops.precision import autocast, full_precision
from kg_detectors.heads import EdgeHead, KeypointHead, found_by_weights, make_backbone
from kg_detectors.key_grid.losses import farthest_point_loss, separation_loss, similarity_loss
from kg_detectors.key_grid.released import adopt
from kg_detectors.key_grid.reliance import heatmap_use


@dataclass(frozen=True, eq=False)
class Detection:
    """What Key-Grid finds in clouds (B, N, 3).

    Attributes:
        keypoints: (B, K, 3).
        indices: (B, K), the point of the largest weight for each keypoint.
        weights: (B, N, K), summing to 1 over the points (eq. 1).
        edges: (B, E), 0 to 1, in the order of `kg.ops.edge_pairs`.
        reconstruction: (B, N, 3), or None where it was not asked for.
    """

    keypoints: Tensor
    indices: Tensor
    weights: Tensor
    edges: Tensor
    reconstruction: Tensor | None


class Decoder(nn.Module):
    """Rebuilds the cloud from the encoder's levels and the heat of the skeleton (eq. 7).

    From the coarsest level up: the encoder's features of a level, the decoder's from below, and the
    grid heatmap at the level's points. The last step, to the cloud itself, has only the decoder's.

    Two ablations leave one source out, and the first layers of the steps are that much narrower. Without
    the heatmap (`config.decoder_heatmap`) nothing of the keypoints and edges arrives: the similarity loss
    then teaches the encoder alone. Without the encoder's features (`config.decoder_features`) the coarsest
    level, which has no heatmap otherwise, begins with its own.

    Raises:
        KgError: Both are left out, so that there is nothing to rebuild a cloud from.
    """

    HEAT_CHANNELS = 4

    def __init__(self, level_channels: tuple[int, ...], config: ModelConfig) -> None:
        super().__init__()
        if not (config.decoder_heatmap or config.decoder_features):
            raise KgError(
                "Without the heatmap and the encoder's features nothing reaches the decoder.",
                "Leave out one of them.",
            )
        self.config = config
        encoded = [channels if config.decoder_features else 0 for channels in level_channels]
        heat = self.HEAT_CHANNELS if config.decoder_heatmap else 0
        widths: list[tuple[int, ...]] = [(128, 128, 128), (256, 128)]
        widths += [(256, 256)] * (len(level_channels) - len(widths))
        below = [*(width[-1] for width in widths[1:]), encoded[-1] or heat]
        skips = [0, *(channels + heat for channels in encoded[:-1])]
        self.steps = nn.ModuleList(
            MLP(skip + under, width) for skip, under, width in zip(skips, below, widths, strict=True)
        )
        self.refine = MLP(widths[0][-1], (128, 128, 128, 64, 32, 16))
        self.point = nn.Linear(16, 3)

    def forward(self, features: Features, keypoints: Tensor, edges: Tensor) -> Tensor:
        """Return the rebuilt cloud, (B, N, 3), for keypoints (B, K, 3) and edge weights (B, E)."""
        pyramid, config = features.pyramid, self.config
        encoded = [[values] if config.decoder_features else [] for values in features.level_features]
        warm: list[list[Tensor]] = [[] for _ in encoded]
        if config.decoder_heatmap:
            # The coarsest level has the encoder's features; only without those it needs its own heat.
            clouds = pyramid.clouds[1:-1] if config.decoder_features else pyramid.clouds[1:]
            for level, values in enumerate(self._heat_features(clouds, keypoints, edges)):
                warm[level].append(values)
        values = (encoded[-1] or warm[-1])[0]
        for level in reversed(range(1, len(encoded))):
            climbed = pyramid.climb(values, level + 1)
            inputs = [*encoded[level - 1], climbed, *warm[level - 1]]
            values = self.steps[level](torch.cat(inputs, dim=2))
        values = self.refine(self.steps[0](pyramid.climb(values, 1)))
        with full_precision(values.device):
            cloud: Tensor = self.point(values)
        return cloud

    def _heat_features(self, clouds: list[Tensor], keypoints: Tensor, edges: Tensor) -> tuple[Tensor, ...]:
        """Return, for each cloud (B, n, 3), value and place of the nearest grid node, (B, n, 4).

        Only the nodes that some point is nearest to are computed, not the whole grid.
        """
        config = self.config
        nodes = ops.nearest_node(torch.cat(clouds, dim=1), config.grid)
        value = ops.skeleton_heatmap(nodes, keypoints, edges, sigma=config.sigma, sign=config.sign)
        warmth = torch.cat([value[..., None], nodes], dim=2)
        return torch.split(warmth, [cloud.shape[1] for cloud in clouds], dim=1)


class KeyGrid(Detector):
    """Key-Grid (Hou et al., NeurIPS 2024), over any backbone.

    Raises:
        KgError: There is no backbone of the configured name, or it has no such option.
    """

    def __init__(self, model: ModelConfig, train: TrainConfig | None = None) -> None:
        super().__init__()
        self.config = config = model
        self.options = train or TrainConfig()
        self.backbone = make_backbone(config)
        self.recordable, self.minimum_points = self.backbone.recordable, self.backbone.minimum_points
        self.keypoint_head = KeypointHead(self.backbone.point_channels, config.keypoints, config.dropout)
        edges = config.keypoints * (config.keypoints - 1) // 2
        self.edge_head = EdgeHead(self.backbone.global_channels, edges)
        self.decoder = Decoder(self.backbone.level_channels, config)

    def forward(
        self, points: Tensor, *, inference: Inference | None = None, reconstruct: bool = True
    ) -> Detection:
        """Detect the keypoints of clouds.

        Args:
            points: (B, N, 3) in [-1, 1].
            inference: "soft" or "hard"; by default soft while training, as configured otherwise.
            reconstruct: Run the decoder.

        Raises:
            KgError: The clouds have fewer points than the backbone needs, or it gives what it does not
                declare.
        """
        check_points(self, f"key-grid over {self.config.backbone}", points.shape[1])
        order = None
        if self.config.canonical and not self.training:
            order = ops.canonical_order(points)
            points = ops.gather(points, order)
        features: Features = self.backbone(points)
        check_features(self.backbone, points, features)
        logits = self.keypoint_head(features.point_features)
        edges = self.edge_head(features.global_feature)
        weights = logits.softmax(dim=1)
        indices = logits.argmax(dim=1)
        inference = inference or ("soft" if self.training else self.config.inference)
        hard = inference == "hard"
        with full_precision(points.device):
            keypoints = ops.gather(points, indices) if hard else weights.transpose(1, 2) @ points
        reconstruction = None
        if reconstruct:
            reconstruction = self.decoder(features, keypoints, edges)
        if order is not None:
            back = order.argsort(dim=1)
            indices = order.gather(1, indices)
            weights = ops.gather(weights, back)
            reconstruction = None if reconstruction is None else ops.gather(reconstruction, back)
        return Detection(keypoints, indices, weights, edges, reconstruction)

    def check(self) -> None:
        """Refuse a training without a loss; warn of one in which the heatmap never teaches."""
        options = self.options
        if not (options.similarity_weight or options.farthest_weight or options.separation_weight):
            raise KgError(
                "Every loss has the weight 0: there is nothing to learn from.", "Leave one of them on."
            )
        if options.similarity_weight and options.epochs <= options.similarity_delay:
            warnings.warn(
                f"The similarity loss begins after {options.similarity_delay} epochs, so in "
                f"{options.epochs} the decoder and the heatmap teach nothing; --set similarity_delay=... "
                "changes that.",
                stacklevel=4,
            )

    def stage(self, epoch: int) -> int:
        """Return 1 once clouds are reconstructed and learnt from, 0 before."""
        return int(epoch >= self.options.similarity_delay and self.options.similarity_weight > 0)

    def losses(self, batch: Batch, stage: int) -> Losses:
        """Return the losses that have a weight in this stage."""
        points, options = batch.points, self.options
        with autocast(points.device, options.precision):
            output = self(points, reconstruct=stage > 0)
        start = torch.randint(points.shape[1], (len(points),), device=points.device)
        far = farthest_point_loss(output.keypoints, points, options.farthest, start)
        losses = {"farthest": (options.farthest_weight, far)}
        if options.separation_weight > 0:
            apart = separation_loss(output.keypoints, options.separation_distance)
            losses["separation"] = (options.separation_weight, apart)
        if stage:
            similar = similarity_loss(output.reconstruction, points)
            losses["similarity"] = (options.similarity_weight, similar)
        return losses

    def validation_losses(self, batch: Batch) -> Losses:
        """Return both losses of the method, of keypoints as weighted means."""
        points, options = batch.points, self.options
        with autocast(points.device, options.precision):
            output = self(points, inference="soft")
        far = farthest_point_loss(output.keypoints, points, options.farthest)
        similar = similarity_loss(output.reconstruction, points)
        return {
            "farthest": (options.farthest_weight, far),
            "similarity": (options.similarity_weight, similar),
        }

    def find(self, points: Tensor, inference: Inference | None = None) -> Found:
        """Return keypoints; the confidence of each is the share of its weight that lies near it."""
        output = self(points, inference=inference, reconstruct=False)
        return found_by_weights(points, output.keypoints, output.weights, output.edges)

    def reconstruct(self, points: Tensor, inference: Inference | None = None) -> Tensor:
        """Return the decoder's clouds, (B, N, 3)."""
        rebuilt: Tensor = self(points, inference=inference).reconstruction
        return rebuilt

    def heatmap_use(self, points: Tensor, inference: Inference | None = None) -> HeatmapUse | None:
        """Return how much worse clouds are reconstructed when their heat is taken away."""
        return heatmap_use(self, points, inference=inference)

    @classmethod
    def adopt(cls, content: Mapping[str, Any]) -> Adopted | None:
        """Return what a checkpoint of the released training script says in kg's terms."""
        return adopt(content)
