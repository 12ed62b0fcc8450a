"""The sequences of a store as plain files, one an episode, for those who learn what hands are to do.

An episode is a group of arrays of T frames, under the names that readers of LeRobot and robomimic know:

observation/points      (T, N, 3) float32   the cloud, in the store's unit, z up
observation/rest        (T, N, 3) float32   where each point lies on the object at rest
observation/contact     (T, N) uint8        1 for points that touch the ground
observation/state       (T, 8) float32      of two hands: x, y, z and 1 while it is closed
observation/held        (T, 2) int32        the point next to what each holds, -1 where it is open
action                  (T, 8) float32      the state of the next frame; of the last its own
timestamp               (T,) float64        seconds; frames need not be evenly spaced
frame_index             (T,) int64
next.done               (T,) bool           true of the last

A hand that is open waits where it will close next, or where it let go last; one that never closes is at 0.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from kg import paths
from kg.data.split import SPLITS
from kg.data.store import Clouds, Store
from kg.errors import KgError

FORMAT, VERSION = "kg-trajectories", 1
Kind = Literal["hdf5", "npz"]
NAMES = [f"{hand}.{value}" for hand in ("hand_0", "hand_1") for value in ("x", "y", "z", "closed")]
"""Of the numbers of a state."""


@dataclass(frozen=True, eq=False)
class Episode:
    """One sequence.

    Attributes:
        object: Whose.
        split: train, val or test, by objects.
        motion: What happens, with all options.
        arrays: By the names of the module's docstring.
    """

    object: str
    split: str
    motion: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.arrays["timestamp"])

    def task(self, category: str) -> str:
        """Return what it shows, as a line for people and language models."""
        return f"{self.motion.get('name', 'move')} a {category}"


def episodes(store: Store) -> Iterator[Episode]:
    """Yield the sequences of a store, in its order.

    Raises:
        KgError: It has none.
    """
    if not store.has_motion:
        raise KgError(
            f"{store.name} has no hands and no times.",
            "Prepare it with this kg: kg prepare -c shirt --deform fold --force",
        )
    objects = np.array(store.read_column("objects"))
    splits = store.splits("object")
    for name in dict.fromkeys(objects.tolist()):
        rows = np.flatnonzero(objects == name)
        clouds = store.read_rows(rows, motion=True)
        order = np.argsort(clouds.frame, kind="stable")
        assert clouds.time is not None
        # An object of several meshes has a sequence of each, and time begins anew.
        for episode in np.split(order, np.flatnonzero(np.diff(clouds.time[order]) <= 0) + 1):
            yield _episode(clouds, episode, name, SPLITS[splits[rows[episode[0]]]])


def _episode(clouds: Clouds, rows: NDArray[np.int64], name: str, split: str) -> Episode:
    assert clouds.motion is not None
    assert clouds.time is not None
    assert clouds.hands is not None
    assert clouds.held is not None
    assert clouds.contact is not None
    scale = clouds.scale[rows, None, None]
    offset = clouds.offset[rows].reshape(len(rows), 1, -1)
    hands = clouds.hands[rows] * scale + offset
    state = _state(hands, clouds.held[rows] >= 0)
    arrays = {
        "observation/points": (clouds.points[rows] * scale + offset).astype(np.float32),
        "observation/contact": clouds.contact[rows],
        "observation/state": state,
        "observation/held": clouds.held[rows],
        "action": np.concatenate([state[1:], state[-1:]]),
        "timestamp": clouds.time[rows],
        "frame_index": np.arange(len(rows)),
        "next.done": np.arange(len(rows)) == len(rows) - 1,
    }
    if clouds.rest_positions is not None:
        arrays["observation/rest"] = clouds.rest_positions[rows]
    return Episode(name, split, json.loads(clouds.motion[rows[0]]), arrays)


def _state(hands: NDArray[np.float64], closed: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return places and grip of hands (T, H, 3), known where they are closed (T, H), as (T, 4 H)."""
    state = np.zeros((*closed.shape, 4), dtype=np.float32)
    state[..., 3] = closed
    for hand in range(closed.shape[1]):
        known = np.flatnonzero(closed[:, hand])
        if len(known):
            coming = np.searchsorted(known, np.arange(len(closed))).clip(max=len(known) - 1)
            state[:, hand, :3] = hands[known[coming], hand]
    return state.reshape(len(closed), -1)


def export(
    store: Store,
    folder: Path,
    kind: Kind,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Write the sequences of a store into a folder, and what is said of them; return the latter.

    Files are `episode_000000.hdf5` (or .npz) and so on, `episodes.jsonl` with a line each, and `info.json`.

    Args:
        store: What to write.
        folder: Empty, or not there yet.
        kind: Of the files.
        progress: Called with (done, total) clouds.

    Raises:
        KgError: The store has no sequences, or the folder has files.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise KgError(f"{folder} is there already.", "Name a folder that is empty or new: -o FOLDER")
    lines: list[dict[str, Any]] = []
    features: dict[str, Any] = {}
    for number, episode in enumerate(episodes(store)):
        file = folder / f"episode_{number:06d}.{kind}"
        facts = {
            "episode_index": number,
            "file": file.name,
            "object": episode.object,
            "split": episode.split,
            "length": len(episode),
            "task": episode.task(store.category),
            "motion": dict(episode.motion),
        }
        _write(file, kind, episode, facts)
        features = {
            name: {"dtype": str(values.dtype), "shape": list(values.shape[1:])}
            for name, values in episode.arrays.items()
        }
        lines.append(facts)
        progress(sum(line["length"] for line in lines), store.count)
    for name in ("observation/state", "action"):
        features[name]["names"] = NAMES
    info = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "dataset": store.dataset,
        "category": store.category,
        "variant": store.variant,
        "unit": store.unit,
        "up": "z",
        "store_checksum": store.checksum,
        "total_episodes": len(lines),
        "total_frames": sum(line["length"] for line in lines),
        "features": features,
    }
    with paths.replacing(folder / "episodes.jsonl") as file:
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with paths.replacing(folder / "info.json") as file:
        file.write_text(json.dumps(info, indent=2) + "\n", encoding="utf-8")
    return info


def _write(path: Path, kind: Kind, episode: Episode, facts: Mapping[str, Any]) -> None:
    """Write one episode; an HDF5 file tells the rest in its attributes, an .npz archive in `meta`."""
    with paths.replacing(path) as temporary:
        if kind == "hdf5":
            with h5py.File(temporary, "w", locking=False) as file:
                for name, values in episode.arrays.items():
                    file.create_dataset(name, data=values, compression="gzip", compression_opts=1)
                file.attrs.update(
                    {**facts, "motion": json.dumps(facts["motion"]), "format": FORMAT, "version": VERSION}
                )
            return
        arrays: dict[str, Any] = {name.replace("/", "."): values for name, values in episode.arrays.items()}
        with temporary.open("wb") as archive:
            np.savez_compressed(archive, meta=np.array(json.dumps(facts)), **arrays)
