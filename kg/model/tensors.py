"""A file of kg's own tensors: safetensors, with all that is no tensor as JSON in its head."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kg import paths
from kg.errors import KgError

SUFFIX = ".safetensors"
HEAD = "kg"
"""Key of the head's entry with the JSON; all else there is of other programs."""
TENSOR = "tensor"
"""The one key of a mapping that stands for a tensor in a tree of plain values."""


def save_tensors(path: Path, head: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write tensors by their names, and a head of plain values, whole or not at all."""
    from safetensors.torch import save_file

    # The format refuses tensors that share memory, as tied weights do.
    own = {
        name: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, value in tensors.items()
    }
    with paths.replacing(path) as temporary:
        save_file(own, temporary, {HEAD: json.dumps(head)})


def read_tensors(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return what `save_tensors` wrote, the tensors on the CPU.

    Raises:
        KgError: The file is none such.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            head = json.loads((file.metadata() or {}).get(HEAD, "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, ValueError, RecursionError) as error:
        raise KgError(
            f"{path} cannot be read as a checkpoint.", "It may be cut short; use another."
        ) from error
    if not isinstance(head, dict):
        raise KgError(f"{path} holds weights of another program.", "kg export writes what kg reads.")
    return head, tensors


def take_apart(tree: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Return a tree of mappings and sequences with plain values alone, as JSON has it.

    Args:
        tree: With tensors in it; keys become texts.
        name: What its tensors are called, with their place in it behind.
        tensors: Where they are put.
    """
    if isinstance(tree, Tensor):
        tensors[name] = tree
        return {TENSOR: name}
    if isinstance(tree, Mapping):
        return {str(key): take_apart(value, f"{name}/{key}", tensors) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [take_apart(value, f"{name}/{number}", tensors) for number, value in enumerate(tree)]
    return tree


def put_together(tree: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Return a tree with its tensors in it again; see `take_apart`.

    Raises:
        KeyError: One is not there.
    """
    if isinstance(tree, dict):
        if tree.keys() == {TENSOR}:
            return tensors[tree[TENSOR]]
        return {key: put_together(value, tensors) for key, value in tree.items()}
    if isinstance(tree, list):
        return [put_together(value, tensors) for value in tree]
    return tree
