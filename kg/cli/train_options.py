"""What `--set help` shows of a training."""

from collections.abc import Mapping
from typing import Any

from kg.cli.output import show, table


def list_options(preset: str, detector: str | None, backbone: str | None, as_json: bool) -> None:
    """Show every option of the model and the training: its value in each preset, and what it means.

    Args:
        preset: Whose detector and backbone are meant where none is named.
        detector: Whose own options are shown, as `detector.NAME`.
        backbone: Whose own options are shown, as `backbone.NAME`.
        as_json: Print JSON.
    """
    from kg import plugins
    from kg.config import PRESETS, ModelConfig, TrainConfig, options
    from kg.config import preset as configured
    from kg.config.meanings import meanings
    from kg.model.making import own_options

    texts = meanings(ModelConfig) | meanings(TrainConfig)
    presets = {
        name: {**part["model"], **part["train"]}
        for name, part in ((name, made.to_dict()) for name, made in PRESETS.items())
    }
    model = configured(preset).model
    detector = detector or model.detector
    defaults = plugins.DETECTORS.load(detector).defaults
    backbone = backbone or defaults.get("backbone", model.backbone)
    kinds: dict[str, tuple[plugins.Kind[Any], str]] = {
        "detector": (plugins.DETECTORS, detector),
        "backbone": (plugins.BACKBONES, backbone),
    }
    first = next(iter(presets))
    rows = []
    own = {}
    for key in options():
        plugin = key.removesuffix("_options")
        if plugin == key:
            rows.append(_row(key, {name: values[key] for name, values in presets.items()}, texts[key]))
            continue
        kind, name = kinds[plugin]
        loaded = kind.load(name)
        explained = meanings(loaded)
        known = own_options(loaded)
        if not known:
            rows.append([f"{plugin}.NAME", "", "", texts[key]])
        for option, default in known.items():
            typed = f"{plugin}.{option}"
            own[typed], texts[typed] = default, explained.get(option, "")
            having = {each: values[key] for each, values in presets.items() if values[plugin] == name}
            values = {each: said.get(option, default) for each, said in having.items()}
            rows.append(_row(typed, {first: default, **values}, texts[typed]))
    columns = ["option", first, "other presets", "meaning"]
    made = table("Options of a training, as --set takes them", columns, rows, whole=columns[:1])
    result = {**presets, "own": own, "defaults": dict(defaults), "meanings": texts}
    differing = ", ".join(f"{name}={text}" for name, text in defaults.items())
    show(result, as_json, made, *([f"Other defaults of {detector}: {differing}"] if differing else []))


def _row(name: str, values: Mapping[str, Any], meaning: str) -> list[str]:
    """Return the cells of an option with these values by preset, of which the first is the usual one."""
    usual, *_ = values.values()
    others = [f"{preset}: {_as_typed(value)}" for preset, value in values.items() if value != usual]
    return [name, _as_typed(usual), "\n".join(others), meaning]


def _as_typed(value: object) -> str:
    """Return an option's value as `--set` takes it."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
