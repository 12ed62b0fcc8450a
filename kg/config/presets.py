"""Named configurations: kg's own default, and those that differ from it."""

from kg.config.options import Config, ModelConfig, TrainConfig
from kg.errors import unknown_name

PRESETS: dict[str, Config] = {
    "kg": Config(),
    "quick": Config(
        preset="quick",
        model=ModelConfig(normalisation="range"),
        train=TrainConfig(points=1024, epochs=8, similarity_delay=3),
    ),
    # The paper names no σ; the released 0.05 overflows float32 under the paper's plus sign. 2 keeps the
    # exponent below 3 all over the grid.
    "paper": Config(
        preset="paper",
        model=ModelConfig(sign="far", sigma=2.0, normalisation="range"),
        train=TrainConfig(optimizer="adam", learning_rate=0.1, separation_weight=0.0),
    ),
    "release": Config(
        preset="release",
        model=ModelConfig(
            grid=(16, 16, 8),
            sign="near",
            inference="hard",
            normalisation="range",
            backbone_options={"neighbours": "first"},
            canonical=False,
        ),
        # Its condition is `epoch > 20`, counted from 0: 21 epochs without.
        train=TrainConfig(
            optimizer="adadelta", learning_rate=0.1, similarity_delay=21, separation_weight=0.0
        ),
    ),
}
"""Named configurations: kg's own default, a quick one for a first look, and the method's two modes."""

ABOUT = {
    "kg": "kg's own default: what measures best on objects never seen",
    "quick": "a first look, in minutes on a CPU",
    "paper": "Key-Grid as the paper prints it",
    "release": "Key-Grid as its released code has it",
}
"""What each preset is for."""


def preset(name: str) -> Config:
    """Return a preset.

    Raises:
        KgError: There is none of that name.
    """
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name]
