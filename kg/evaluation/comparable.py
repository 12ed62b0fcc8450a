"""Whether predictions can be compared: of the same shapes, seen and asked for in the same way."""

from collections.abc import Sequence
from typing import Any

from kg.config import Config
from kg.errors import KgError
from kg.inference.predictions import Predictions


def same_data(one: Predictions, other: Predictions) -> bool:
    """Tell whether two are of one store: ids alone do not, a garment's are the same in a drop and a fold."""
    return (data_of(one), _checksum(one)) == (data_of(other), _checksum(other))


def check_averaged(one: Predictions, other: Predictions) -> None:
    """Check that a mean over two trainings is one of the same method over the same data.

    Raises:
        KgError: They are of different data, of different detectors, or have different numbers of keypoints;
            says which.
    """
    both = (one, other)
    if not same_data(one, other):
        named = " and ".join(dict.fromkeys(" ".join(data_of(of)) for of in both))
        raise KgError(
            f"The runs cannot be averaged: they are of different data, {named}.",
            "Put them side by side with kg compare, or measure all on one store with --store.",
        )
    detectors = [of.meta["detector"] for of in both if of.meta.get("detector")]
    for name, values in (
        ("detectors", detectors),
        ("numbers of keypoints", [of.keypoints.shape[1] for of in both]),
    ):
        if told := differing(name, values):
            raise KgError(f"The runs cannot be averaged. {told}", "Put them side by side: kg compare")


def other_options(configs: Sequence[Config]) -> list[str]:
    """Return a sentence that says so where trainings differ in more than their seed."""
    options = [{**each["model"], **each["train"]} for each in (config.to_dict() for config in configs)]
    names = {name for each in options for name in each if each[name] != options[0].get(name)} - {"seed"}
    return [f"Their trainings differ in options: {', '.join(sorted(names))}."] if names else []


def differences(predictions: Sequence[Predictions]) -> list[str]:
    """Return a sentence for everything that ought to be alike, and is not."""

    def meta(*names: str) -> list[str]:
        return [" by ".join(str(of.meta.get(name, "unknown")) for name in names) for of in predictions]

    facts: dict[str, Sequence[Any]] = {
        "data": [" ".join(data_of(of)) for of in predictions],
        "splits": meta("split", "split_by"),
        "numbers of points": [of.points.shape[1] for of in predictions],
        "numbers of keypoints": [of.keypoints.shape[1] for of in predictions],
        # Keypoints of another program have none.
        "inferences": list(filter(None, meta("inference"))),
        "precisions": [of.meta.get("precision", "fp32") for of in predictions],
    }
    sentences = [text for name, values in facts.items() if (text := differing(name, values))]
    if len(set(facts["data"])) == 1 and len({_checksum(of) for of in predictions}) > 1:
        sentences.append("Their stores have other points, though the same name: the shapes are not the same.")
    elif not sentences and len({tuple(sorted(of.ids.tolist())) for of in predictions}) > 1:
        sentences.append("They are of different shapes of one store.")
    return sentences


def differing(name: str, values: Sequence[Any]) -> str:
    """Return a sentence that says so where values differ, else nothing."""
    if len(set(values)) < 2:
        return ""
    return f"They differ in {name}: {', '.join(map(str, dict.fromkeys(values)))}."


def data_of(predictions: Predictions) -> tuple[str, str, str]:
    """Return the data set, category and variant of the store that predictions are of."""
    dataset, category, variant = (
        str(predictions.meta.get(name, "unknown")) for name in ("dataset", "category", "variant")
    )
    return dataset, category, variant


def _checksum(predictions: Predictions) -> str:
    return str((predictions.meta.get("store") or {}).get("checksum"))
