"""Options of a training from a file: a run's config.json, or what a user writes, JSON or TOML."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kg.config.options import DERIVED, PLUGINS, options
from kg.data.store import SplitBy
from kg.errors import KgError, unknown_name

SECTIONS = ("model", "train")


@dataclass(frozen=True)
class FileOptions:
    """What a file says of a training.

    Attributes:
        preset: Where it starts from; None where the file does not say.
        options: Texts by name, as `--set` takes them.
        split_by: How the store is split; None where the file does not say.
    """

    preset: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    split_by: SplitBy | None = None

    def with_options(self, others: Mapping[str, str]) -> dict[str, str]:
        """Return the options with others before them.

        Another plugin begins without the old one's options, and a number of keypoints is not chosen again.
        """
        kept = {
            name: text
            for name, text in self.options.items()
            if (plugin := name.partition(".")[0]) == name
            or others.get(plugin, self.options.get(plugin)) == self.options.get(plugin)
        }
        if "keypoints" in others:
            kept.pop("choose_keypoints", None)
        return {**kept, **others}


def read_file(path: Path) -> FileOptions:
    """Return the options of a .json or .toml file.

    It holds options by their names, `preset`, and `backbone.NAME` or `detector.NAME` for options of these. A
    run's config.json, which has them in sections, is read too; the store that it names is not.

    Raises:
        KgError: There is no such file, it is neither, or it holds no option of that name.
    """
    if not path.is_file():
        raise KgError(f"There is no file {path}.", "For example: --config runs/NAME/config.json")
    try:
        values = (tomllib if path.suffix == ".toml" else json).loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise KgError(
            f"{path} cannot be read: {error}", "It has to be JSON, or TOML in a .toml file."
        ) from error
    if not isinstance(values, dict):
        raise KgError(f"{path} holds no options.", 'For example: {"preset": "quick", "epochs": 20}')
    return flatten(values)


def flatten(values: Mapping[str, Any]) -> FileOptions:
    """Return what nested values, as of `Config.to_dict`, say of a training.

    Raises:
        KgError: An option is unknown.
    """
    flat = {name: value for name, value in values.items() if name not in (*SECTIONS, "preset", "data")}
    for section in SECTIONS:
        flat |= dict(values.get(section, {}))
    flat = {name: value for name, value in flat.items() if name not in DERIVED}
    for plugin in PLUGINS:
        # TOML reads `backbone.neighbours = "first"` as a table.
        own = flat.pop(plugin) if isinstance(flat.get(plugin), dict) else {}
        own = {**flat.pop(f"{plugin}_options", {}), **own}
        flat |= {f"{plugin}.{name}": value for name, value in own.items()}
    known = options()
    for name in flat:
        if name not in known and name.partition(".")[0] not in PLUGINS:
            raise unknown_name("option", name, known)
    data = values.get("data", {})
    return FileOptions(
        preset=values.get("preset"),
        options={name: _text(value) for name, value in flat.items()},
        split_by=data.get("split_by"),
    )


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
