"""Every constant of the method, named, with its default."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Annotated, Any, Literal, get_type_hints

from kg.config.values import Bounds, check_value, read_values
from kg.errors import KgError, unknown_name

Sign = Literal["near", "far"]
Inference = Literal["soft", "hard"]
Normalisation = Literal["range", "longest-side", "stretch"]


@dataclass(frozen=True)
class ModelConfig:
    """The network.

    Attributes:
        detector: What finds keypoints, by its name; `--detector help` lists them.
        detector_options: Options of the detector's own.
        keypoints: K, how many there are.
        backbone: The network that sees the clouds, by its name; `--backbone help` lists them.
        backbone_options: Options of the backbone's own.
        grid: M along x, y, z: nodes of the heatmap's grid over [-1, 1].
        sigma: Width of the heat around an edge, normalised units (eq. 5).
        sign: "near": exp(-d²/σ²), as released; "far": exp(+d²/σ²), as printed in the paper.
        dropout: Dropout before the keypoint weights, while training.
        inference: A keypoint is the weighted mean of the cloud ("soft") or its point of the largest
            weight ("hard").
        normalisation: What a cloud is brought into [-1, 1] by: "longest-side", the centre and the longest
            side of its box, so that it does not matter where the origin is; "range", one range for all
            three axes, as Key-Grid has it; "stretch", each side of its box.
        canonical: Sort each cloud before evaluating it, so that keypoints do not depend on its order.
        decoder_heatmap: The decoder reads the grid heatmap, value and node.
        decoder_features: The decoder reads the encoder's features, its coarsest level included.
        categories: Of the stores that it is trained on, in their order; nobody sets them.
        chosen: Numbers of the K keypoints that are left, where some were chosen after the training
            (`--keypoints auto`); empty for all. Nobody sets them.
    """

    detector: str = "key-grid"
    detector_options: dict[str, str] = field(default_factory=dict)
    keypoints: Annotated[int, Bounds(2)] = 8
    backbone: str = "pointnet2"
    backbone_options: dict[str, str] = field(default_factory=dict)
    grid: Annotated[tuple[int, int, int], Bounds(2)] = (16, 16, 16)
    sigma: Annotated[float, Bounds(0, above=True)] = 0.05
    sign: Sign = "near"
    dropout: Annotated[float, Bounds(0, 1)] = 0.5
    inference: Inference = "soft"
    normalisation: Normalisation = "longest-side"
    canonical: bool = True
    decoder_heatmap: bool = True
    decoder_features: bool = True
    categories: tuple[str, ...] = ()
    chosen: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many keypoints are found."""
        return len(self.chosen) or self.keypoints


@dataclass(frozen=True)
class TrainConfig:
    """The training.

    Attributes:
        points: N; clouds with more are thinned by farthest point sampling.
        subsample: Share of the points that a step keeps, drawn at random.
        turn: Turn each cloud anew in each step: "yaw", about the vertical, "all", any way, or "none".
        turn_limit: Degrees, the most that it is turned about its axis.
        turn_over: Share of the clouds that are turned over, so that what faced up faces down.
        scale: Each axis is stretched or shrunk by a factor of this, 1.2 for a fifth, at most; 1 for none.
        occlusion: Share of the points that a step hides, in one patch of each cloud.
        jitter: Standard deviation of the noise on each point, normalised units.
        farthest: J, points of the farthest point keypoint loss.
        epochs: Passes over the training split.
        batch_size: Clouds a step; the last batch may be smaller.
        optimizer: "adam", "adamw", "adadelta", or "muon", which is adamw but for orthogonal updates of weight
            matrices.
        weight_decay: Weight decay of adamw and muon.
        gradient_norm: Gradients of a larger norm are shortened to this one; 0 for none.
        averaging: Share that the averaged weights keep in a step; validation and checkpoints have these.
            0 for none.
        learning_rate: Learning rate at the start.
        adadelta_eps: Epsilon of adadelta.
        schedule: "constant"; "cosine", down to a hundredth of the rate; "one-cycle", the same after
            it has risen for the first twentieth of the training.
        similarity_weight: α_sim of the Chamfer loss.
        farthest_weight: α_far of the farthest point keypoint loss.
        similarity_delay: Epochs before the Chamfer loss counts.
        separation_weight: Of kg's own loss that keeps keypoints apart; 0 as the paper has it.
        separation_distance: How near, in normalised units, two keypoints may come unpunished.
        precision: Of matrix products, "fp32" or "bf16".
        choose_keypoints: Only keypoints that are of use are kept (`--keypoints auto`); `keypoints` is how
            many a training begins with, or what the detector chose before it.
        seed: Of the initial weights, the order of clouds and everything drawn in a step.
        init: Checkpoint file whose weights the training begins with; none by default.
        teacher: Checkpoint file of the detector whose keypoints are learnt; none by default.
    """

    points: Annotated[int, Bounds(1)] = 2048
    subsample: Annotated[float, Bounds(0, 1, above=True)] = 1.0
    turn: Literal["none", "yaw", "all"] = "none"
    turn_limit: Annotated[float, Bounds(0, 180)] = 180.0
    turn_over: Annotated[float, Bounds(0, 1)] = 0.0
    scale: Annotated[float, Bounds(1)] = 1.0
    occlusion: Annotated[float, Bounds(0, 0.9)] = 0.0
    jitter: Annotated[float, Bounds(0)] = 0.0
    farthest: Annotated[int, Bounds(1)] = 12
    epochs: Annotated[int, Bounds(1)] = 100
    batch_size: Annotated[int, Bounds(1)] = 8
    optimizer: Literal["adam", "adamw", "adadelta", "muon"] = "adam"
    weight_decay: Annotated[float, Bounds(0)] = 0.02
    gradient_norm: Annotated[float, Bounds(0)] = 0.0
    averaging: Annotated[float, Bounds(0, 1)] = 0.0
    learning_rate: Annotated[float, Bounds(0)] = 1e-3
    adadelta_eps: Annotated[float, Bounds(0, above=True)] = 1e-2
    schedule: Literal["constant", "cosine", "one-cycle"] = "constant"
    similarity_weight: Annotated[float, Bounds(0)] = 1.0
    farthest_weight: Annotated[float, Bounds(0)] = 1.0
    similarity_delay: Annotated[int, Bounds(0)] = 20
    separation_weight: Annotated[float, Bounds(0)] = 1.0
    separation_distance: Annotated[float, Bounds(0, above=True)] = 0.3
    precision: Literal["fp32", "bf16"] = "fp32"
    choose_keypoints: bool = False
    seed: Annotated[int, Bounds(0, (1 << 64) - 1)] = 0
    init: str = ""
    teacher: str = ""


@dataclass(frozen=True)
class DataConfig:
    """What is trained on.

    Attributes:
        store: Path of the prepared store.
        checksum: Of its points, so that a changed store is noticed.
        others: Of further stores that are trained on too, their checksums by their paths.
        split_by: "object": garments never seen; "frame": the paper's, frames of the same garment.
    """

    store: str = ""
    checksum: str = ""
    others: dict[str, str] = field(default_factory=dict)
    split_by: Literal["object", "frame"] = "object"

    @property
    def checksums(self) -> dict[str, str]:
        """The checksums of all stores by their paths, in order."""
        return {self.store: self.checksum, **self.others}


@dataclass(frozen=True)
class Config:
    """Everything that defines a run."""

    preset: str = "kg"
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    data: DataConfig = field(default_factory=DataConfig)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as they stand in a run's config.json."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Config":
        """Return the configuration that `to_dict` gave.

        Raises:
            KgError: It is no configuration: a name is unknown, as in one of a newer kg, or a value is of
                another type. The message does not name the file.
        """
        if not isinstance(values, Mapping) or not isinstance(values.get("preset", "kg"), str):
            raise KgError("It is no record of options.")
        parts: dict[str, Any] = {"preset": values.get("preset", "kg")}
        for name, kind in (("model", ModelConfig), ("train", TrainConfig), ("data", DataConfig)):
            options = values.get(name, {})
            if not isinstance(options, Mapping):
                raise KgError(f"Its '{name}' is no record of options.")
            # What was trained before there was a choice of normalisation has the range.
            before = {"normalisation": "range"} if name == "model" else {}
            parts[name] = kind(**_checked(kind, {**before, **options}))
        return cls(**parts)

    def override(self, name: str, text: str) -> "Config":
        """Return a copy with the option `name` of the model or the training set to `text`.

        `backbone.NAME` is an option of the backbone's own, `detector.NAME` one of the detector's; another
        backbone or detector begins without any.

        Raises:
            KgError: There is no such option, it cannot be read from the text, or it is out of its bounds.
        """
        plugin, dot, option = name.partition(".")
        if dot and plugin in PLUGINS:
            own = {**getattr(self.model, f"{plugin}_options"), option: text}
            changed: dict[str, Any] = {f"{plugin}_options": own}
            return replace(self, model=replace(self.model, **changed))
        for part in ("model", "train"):
            current = getattr(self, part)
            if name in {item.name for item in fields(current)} - DERIVED:
                changed = read_values(type(current), {name: text})
                if name in PLUGINS and text != getattr(current, name):
                    changed[f"{name}_options"] = {}
                return replace(self, **{part: replace(current, **changed)})
        raise unknown_name("option", name, options())

    def differs_in(self, name: str) -> bool:
        """Tell whether an option of the training has another value than kg's own default."""
        usual = TrainConfig()
        return hasattr(usual, name) and getattr(self.train, name) != getattr(usual, name)

    def without(self, part: str) -> "Config":
        """Return a copy without a part of the method, a name in `ABLATIONS`.

        Raises:
            KgError: There is no such part.
        """
        if part not in ABLATIONS:
            raise unknown_name("part of the method to leave out", part, ABLATIONS)
        return self.override(*ABLATIONS[part])

    def lacks(self) -> tuple[str, ...]:
        """Return the parts of the method, names in `ABLATIONS`, that are left out."""
        return tuple(part for part in ABLATIONS if self.without(part) == self)


DERIVED = {"categories", "chosen"}
"""They follow from what is trained on; no user sets them."""

TUPLES = {"grid", "categories", "chosen"}
"""Options that JSON has as lists."""

PLUGINS = ("detector", "backbone")
"""Options that name a plugin, which has options of its own."""

ABLATIONS: dict[str, tuple[str, str]] = {
    "encoder-features": ("decoder_features", "false"),
    "heatmap": ("decoder_heatmap", "false"),
    "similarity": ("similarity_weight", "0"),
    "farthest-point": ("farthest_weight", "0"),
}
"""Parts of the method that can be left out, as the rows of the paper's Table 5, and the option that does it:
the decoder without the encoder's features, without the grid heatmap; training without either loss."""


def options() -> dict[str, Any]:
    """Return every option of the model and the training with its default."""
    known = {**asdict(ModelConfig()), **asdict(TrainConfig())}
    return {name: value for name, value in known.items() if name not in DERIVED}


def _checked(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of a part of the configuration, each of its type."""
    known = get_type_hints(kind, include_extras=True)
    checked = {}
    for name, value in values.items():
        if name not in known:
            raise KgError(
                f"It has an option '{name}', which this kg does not know.",
                "It may have been written by a newer kg: pip install --upgrade kg",
            )
        checked[name] = tuple(value) if name in TUPLES and isinstance(value, list) else value
        check_value(name, known[name], checked[name])
    return checked
