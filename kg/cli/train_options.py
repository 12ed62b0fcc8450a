"""What `--set help` shows of a training."""

from collections.abc import Mapping

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
    from kg.config.file import flatten
    from kg.config.meanings import meanings
    from kg.model.making import own_options

    explained = meanings(ModelConfig) | meanings(TrainConfig)
    texts = {name: flatten(made.to_dict()).options for name, made in PRESETS.items()}
    first, *_ = PRESETS
    detector = detector or configured(preset).model.detector
    defaults = plugins.DETECTORS.load(detector).defaults
    backbone = backbone or defaults.get("backbone", configured(preset).model.backbone)
    kinds = {"detector": plugins.DETECTORS.load(detector), "backbone": plugins.BACKBONES.load(backbone)}
    names = {"detector": detector, "backbone": backbone}
    rows = []
    own = {}
    for key in options():
        plugin = key.removesuffix("_options")
        if plugin == key:
            rows.append(_row(key, {name: values[key] for name, values in texts.items()}, explained[key]))
            continue
        known = own_options(kinds[plugin])
        if not known:
            rows.append([f"{plugin}.NAME", "", "", explained[key]])
        for option, default in known.items():
            typed = f"{plugin}.{option}"
            own[typed], explained[typed] = default, meanings(kinds[plugin]).get(option, "")
            presets = [name for name, values in texts.items() if values[plugin] == names[plugin]]
            values = {name: texts[name].get(typed, str(default)) for name in presets}
            rows.append(_row(typed, {first: str(default), **values}, explained[typed]))
    columns = ["option", first, "other presets", "meaning"]
    made = table("Options of a training, as --set takes them", columns, rows, whole=columns[:1])
    parts_of = {name: each.to_dict() for name, each in PRESETS.items()}
    result = {
        **{name: {**parts["model"], **parts["train"]} for name, parts in parts_of.items()},
        "own": own,
        "defaults": dict(defaults),
        "meanings": explained,
    }
    differing = " ".join(f"{name}={text}" for name, text in defaults.items())
    show(result, as_json, made, *([f"Other defaults of {detector}: {differing}"] if differing else []))


def _row(name: str, values: Mapping[str, str], meaning: str) -> list[str]:
    """Return the cells of an option with these values by preset, of which the first is the usual one."""
    usual, *_ = values.values()
    others = [f"{preset}: {text}" for preset, text in values.items() if text != usual]
    return [name, usual, "\n".join(others), meaning]
