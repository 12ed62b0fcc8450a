"""`kg info`."""

from typing import Any

from kg.cli.output import Json, show, table


def info(as_json: Json = False) -> None:
    """Show what there is: versions, devices, kernels, data sets, backbones, stores, folders.

    kg info
    kg info --json
    """
    import platform

    import torch

    from kg import paths, plugins
    from kg.devices import choose_device, describe
    from kg.ops.kernels import backends, choose, operations
    from kg.train.environment import versions
    from kg.train.runs import list_runs

    device = choose_device()
    choices = {name: choose(name, device) for name in operations()}
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    plugins_by_kind = {kind.title: kind.all() for kind in plugins.KINDS}
    stores = paths.stores()
    result: dict[str, Any] = {
        "versions": {"python": platform.python_version(), **versions()},
        "device": describe(device),
        "gpus": gpus,
        "kernels": {
            name: {
                "backend": choice.kernel.backend,
                "reason": choice.reason,
                "registered": list(backends(name)),
            }
            for name, choice in choices.items()
        },
        **{
            f"{kind.replace(' ', '')}s": [vars(plugin) for plugin in group]
            for kind, group in plugins_by_kind.items()
        },
        "stores": [str(path) for path in stores],
        "runs": [run.name for run in list_runs()],
        "folders": {"home": str(paths.home()), "runs": str(paths.runs().resolve())},
    }
    plugin_rows = [
        [kind, plugin.name, plugin.target, plugin.distribution, plugin.problem or "works"]
        for kind, group in plugins_by_kind.items()
        for plugin in group
    ]
    sections = [
        table("Versions", ["package", "version"], list(result["versions"].items())),
        table("Devices", ["device", ""], [[describe(device), "default"], *([name, "GPU"] for name in gpus)]),
        table(
            "Kernels",
            ["operation", "version", "why"],
            [[name, choice.kernel.backend, choice.reason] for name, choice in choices.items()],
        ),
        table("Plugins", ["kind", "name", "is", "from", "state"], plugin_rows),
        table(
            "Prepared stores",
            ["data set", "category", "variant", "MB"],
            [[*path.parts[-3:-1], path.stem, round(path.stat().st_size / 1e6, 1)] for path in stores],
        ),
        table(
            "Folders",
            ["", "path"],
            [
                ["data (KG_HOME)", result["folders"]["home"]],
                [f"runs (KG_RUNS), {len(result['runs'])} in it", result["folders"]["runs"]],
            ],
        ),
    ]
    show(result, as_json, *(part for section in sections for part in (section, "")))
