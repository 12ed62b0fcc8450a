"""Data sets, stores, predictions, checkpoints, runs, outputs and plugins that are broken, or hostile."""

import json
import os
import pickle
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from running import OPTIONS, Case
from shapes import bomb

from kg import ops
from kg.cli.app import run

FIXTURES = Path(__file__).parents[3] / "fixtures"
STORE = "home/prepared/folder/mug/rest.h5"
TRAIN = "train -c mug --set backbone=layered --points 512 -k 4 --farthest 4 -e 1 -b 4 --cpu"
PREDICT = "predict --cpu -o x.npz"
EVAL = "eval x.npz --cpu"
DRAW = "viz x.npz --renderer matplotlib -o"
OTHER = f"{PREDICT} --store {STORE}"
SHAPENET = f"prepare shapenet --from sn -n 64 {OPTIONS}"
RESUME = "train --resume mine -e 2 --cpu"

Change = Callable[[Path], object]


def case(part: str, given: str, words: str, *changes: Change) -> Case:
    """Return a case whose folder is changed before a command is given."""

    def make(at: Path) -> str:
        for change in changes:
            change(at)
        return words

    return Case(part, given, make)


def tube(at: Path, names: list[str], faces: bool = True) -> None:
    """Write poses of one tube, with noise of 0.2 %, as .obj; or clouds, as .xyz."""
    around, along = np.meshgrid(np.linspace(0, 2 * np.pi, 13)[:-1], np.linspace(0, 1, 10))
    corners = np.stack([np.cos(around), np.sin(around), along], axis=2).reshape(-1, 3)
    first = np.arange(108)
    next_ = first // 12 * 12 + (first + 1) % 12
    triangles = np.concatenate(
        [np.stack([first, next_, first + 12], 1), np.stack([next_, next_ + 12, first + 12], 1)]
    )
    for number, name in enumerate(names):
        file = at / "clips" / "shirt" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        bent = corners + np.random.default_rng(number).normal(size=corners.shape) * 0.002
        bent[:, 0] += number / 8 * bent[:, 2] ** 2
        text = "".join(f"v {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in bent)
        text += "".join(f"f {a} {b} {c}\n" for a, b, c in triangles + 1)
        file.write_text(text if faces else text.partition("f ")[0].replace("v ", ""))


FRAMES = [f"frame-{number}" for number in range(8)]
MESHES = partial(tube, names=[f"{name}.obj" for name in FRAMES])
CLOUDS_ALONE = partial(tube, names=[f"{name}.xyz" for name in FRAMES], faces=False)
CLIPS = f"prepare folder --from clips -c shirt -n 64 {OPTIONS}"


def foreign(at: Path) -> None:
    (at / "clips/shirt/table.obj").write_text(
        "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\nf 1 3 4\n"
    )


def manifest(rows: str) -> Change:
    """Return what writes a manifest of eight rows, from one with {n}, {half} and {part} in it."""
    made = (rows.format(n=n, half=n // 4, part="train" if n < 4 else "test") for n in range(8))
    text = "file,object,frame,split\n" + "".join(f"{row}\n" for row in made)
    return lambda at: (at / "f.csv").write_text(text)


def into_split_folders(at: Path) -> None:
    for file in (FIXTURES / "shapenet").rglob("*"):
        if file.is_file():
            part = next((part for part in ("train", "val", "test") if file.name.startswith(part)), "")
            (at / "sn" / part).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, at / "sn" / part / file.name)


def far_lines(at: Path) -> None:
    shutil.copytree(FIXTURES / "deepfashion3d", at / "df")
    for file in (at / "df" / "featureline_annotation" / "2").rglob("*.ply"):
        head, end, body = file.read_bytes().partition(b"end_header\n")
        size = int(head.partition(b"element vertex ")[2].split()[0]) * 12
        places = np.frombuffer(body[:size], "<f4").reshape(-1, 3) + np.array([137, 0, 0], "<f4")
        file.write_bytes(head + end + places.astype("<f4").tobytes() + body[size:])


def far_landmarks(at: Path) -> None:
    shutil.copytree(FIXTURES / "keypointnet", at / "kn")
    file = at / "kn/annotations/airplane.json"
    shapes = json.loads(file.read_text())
    for keypoint in shapes[0]["keypoints"]:
        keypoint["xyz"] = [9, 9, 9]
    file.write_text(json.dumps(shapes))


def stored(change: Callable[[Any], object]) -> Change:
    """Return what changes the open store."""

    def make(at: Path) -> None:
        with h5py.File(at / STORE, "r+") as file:
            change(file)

    return make


def column(name: str, value: Any, rows: Any = ...) -> Change:
    return stored(lambda file: file[name].__setitem__(rows, value))


def elsewhere(how: str) -> Change:
    """Return what makes the store's points lie in another file, or claim to be many."""

    def make(at: Path) -> None:
        (at / "secret").write_bytes(b"root:x:0:0:" * 10_000)
        with h5py.File(at / "other.h5", "w") as other:
            other["points"] = np.zeros((10, 512, 3), "f4")
        with h5py.File(at / STORE, "r+") as file:
            del file["points"]
            if how == "external":
                place = [(str(at / "secret"), 0, h5py.h5f.UNLIMITED)]
                file.create_dataset("points", (10, 512, 3), "f4", external=place)
            elif how == "link":
                file["points"] = h5py.ExternalLink(str(at / "other.h5"), "points")
            elif how == "virtual":
                layout = h5py.VirtualLayout((10, 512, 3), "f4")
                layout[:] = h5py.VirtualSource(str(at / "other.h5"), "points", (10, 512, 3))
                file.create_virtual_dataset("points", layout)
            else:
                file.create_dataset("points", (10, 10**10, 3), "f4", chunks=(1, 1024, 3))

    return make


def predicted(**changed: Any) -> Change:
    """Return what writes x.npz, the predictions with other arrays; a function is of what was there."""

    def make(at: Path) -> None:
        with np.load(at / "out.npz") as file:
            arrays = dict(file)
        for name, value in changed.items():
            arrays[name] = value(arrays[name]) if callable(value) else value
        np.savez(at / "x.npz", **arrays)

    return make


def shifted(values: Any) -> Any:
    return values + 9999


def nan(values: Any) -> Any:
    return values * np.nan


def cut(*names: str, to: int) -> Change:
    def make(at: Path) -> None:
        for name in names:
            (at / name).write_bytes((at / name).read_bytes()[:to])

    return make


def written(name: str, content: bytes | str) -> Change:
    return lambda at: (at / name).write_bytes(content.encode() if isinstance(content, str) else content)


def option(name: str, value: Any) -> Change:
    """Return what sets an option of the model in the run's configuration."""

    def make(at: Path) -> None:
        file = at / "runs/mine/config.json"
        config = json.loads(file.read_text())
        config["model"][name] = value
        file.write_text(json.dumps(config))

    return make


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch OWNED",)


def plugin(code: str, words: str) -> Callable[[Path], Callable[[], object]]:
    """Return what installs a data set of a stranger, and gives a command."""

    def make(at: Path) -> Callable[[], object]:
        info = at / "site" / "strange-1.0.dist-info"
        info.mkdir(parents=True)
        (at / "site" / "strange.py").write_text(code)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[kg.datasets]\nstrange = strange:Strange\n")

        def give() -> str:
            sys.path.insert(0, str(at / "site"))
            return f"exit code {run(words.split())}"

        return give

    return make


def names(*them: str) -> Change:
    """Return what copies a good cloud under names of a folder `in`."""

    def make(at: Path) -> None:
        (at / "in").mkdir(exist_ok=True)
        for name in them:
            shutil.copy(at / "good/a.xyz", at / "in" / name)

    return make


def named_by_codes(at: Path) -> None:
    (at / "in/\x1b[31mr\x07.xyz").touch()


def attribute(name: str, value: Any) -> Change:
    return stored(lambda file: file.attrs.__setitem__(name, value))


def bombed(name: str) -> Change:
    return lambda at: (at / "x.npz").write_bytes(bomb(name, 1 << 30))


def second_run(at: Path) -> None:
    shutil.copytree(at / "runs/mine", at / "runs/two")


def second_variant(at: Path) -> None:
    shutil.copy(at / STORE, at / STORE.replace("rest", "other"))
    (at / STORE).rename(at / STORE.replace("rest", "third"))


def flattened(*axes: int) -> Change:
    """Return what predictions of clouds on a line, or in a point, are made by."""

    def flatten(places: Any) -> Any:
        return places * np.array(axes, "f4")

    return predicted(points=flatten, keypoints=flatten)


def call(given: str, what: Callable[[], object]) -> Case:
    return Case("operations", given, lambda at: what)


CLOUDS, ONE = torch.zeros(64, 32, 3), torch.zeros(1, 32, 3)
CHECKPOINTS = ("runs/mine/best.safetensors", "runs/mine/last.safetensors")
CASES = [
    case("frames", "8 meshes of one sequence, noise of 0.2 %", CLIPS, MESHES),
    case(
        "frames",
        "8 clouds of one sequence",
        CLIPS,
        partial(tube, names=[f"{n}.xyz" for n in FRAMES], faces=False),
    ),
    case(
        "frames",
        "clouds of three garments, a folder each",
        CLIPS,
        partial(tube, names=[f"{garment}/{n}.xyz" for garment in "abc" for n in FRAMES], faces=False),
    ),
    case("frames", "a foreign mesh beside a sequence", CLIPS, MESHES, foreign),
    case("frames", "meshes in poses, --frames-of file", f"{CLIPS} --frames-of file", MESHES),
    case(
        "frames",
        "a manifest of two objects",
        f"{CLIPS} --frames-of f.csv",
        MESHES,
        manifest("shirt/frame-{n}.obj,{half},{n},{part}"),
    ),
    case(
        "frames",
        "a manifest with one object on two sides",
        f"{CLIPS} --frames-of f.csv",
        MESHES,
        manifest("shirt/frame-{n}.obj,one,{n},{part}"),
    ),
    case(
        "frames",
        "a manifest of files that are not there",
        f"{CLIPS} --frames-of f.csv",
        MESHES,
        manifest("shirt/gone-{n}.obj,one,{n},train"),
    ),
    case(
        "data sets",
        "ShapeNet's files in train/ val/ test/",
        f"prepare shapenet --from sn -n 64 {OPTIONS}",
        into_split_folders,
    ),
    case(
        "data sets",
        "Deep Fashion3D's lines 137 units off their scan",
        f"prepare deepfashion3d --from df -c long_pants -n 64 {OPTIONS}",
        far_lines,
    ),
    case(
        "data sets",
        "KeypointNet's annotations off their cloud",
        f"prepare keypointnet --from kn -c airplane -n 16 {OPTIONS}",
        far_landmarks,
    ),
    call("nearest_neighbours of 1 cloud in 64", lambda: ops.nearest_neighbours(ONE, CLOUDS)),
    call("Chamfer distance of 1 template to 64", lambda: ops.chamfer_distance(ONE, CLOUDS)),
    call("gather with an index beyond the cloud", lambda: ops.gather(ONE, torch.full((1, 4), 32))),
    call("gather with indices in int32", lambda: ops.gather(ONE, torch.zeros(1, 4, dtype=torch.int32))),
    call("nearest_neighbours of float64 in float32", lambda: ops.nearest_neighbours(ONE.double(), ONE)),
    case(
        "choices",
        "a run and another run's checkpoint",
        "predict --run two --checkpoint runs/mine/best.safetensors --cpu",
        second_run,
    ),
    case("choices", "two variants, none is named", TRAIN, second_variant),
    case("choices", "a store without a test split", TRAIN, column("split/object", 0)),
    case("choices", "predictions in bf16", f"{PREDICT} --precision bf16"),
    case("choices", "files called [team].xyz and [_x].xyz", f"{PREDICT} in", names("[team].xyz", "[_x].xyz")),
    case(
        "choices",
        "terminal codes in a name",
        f"{PREDICT} in",
        names("b.xyz"),
        named_by_codes,
    ),
    case("own files", "a store that is text", f"{PREDICT} --store s.h5", written("s.h5", "hello")),
    case("own files", "a store cut short", TRAIN, cut(STORE, to=5000)),
    case("own files", "a store by a newer kg", TRAIN, attribute("version", 99)),
    case("own files", "a store with NaN points", TRAIN, column("points", np.nan, 0)),
    case("own files", "a store with a scale of 0", TRAIN, column("scale", 0, 0)),
    case(
        "own files",
        "names of landmarks that are no JSON",
        TRAIN,
        attribute("landmark_names", "{"),
    ),
    case("own files", "a broken store among those listed", "list stores", written(STORE, "hello")),
    case("own files", "predictions cut short", EVAL, predicted(), cut("x.npz", to=3000)),
    case("own files", "predictions by a newer kg", EVAL, predicted(version=np.array(99))),
    case(
        "own files",
        "predictions whose indices are too large",
        EVAL,
        predicted(indices=lambda found: found + 9999),
    ),
    case("own files", "predictions whose meta is a list", EVAL, predicted(meta=np.array("[1]"))),
    case("own files", "predictions whose store is a number", EVAL, predicted(meta=np.array('{"store": 3}'))),
    case("own files", "predictions with NaN keypoints", EVAL, predicted(keypoints=nan)),
    case("own files", "checkpoints cut short", PREDICT, cut(*CHECKPOINTS, to=9000)),
    case("own files", "checkpoints that are empty", PREDICT, cut(*CHECKPOINTS, to=0)),
    case(
        "own files",
        "a model pickled whole",
        "predict good/a.xyz --checkpoint m.pt --cpu -o x.npz",
        lambda at: torch.save(torch.nn.Linear(2, 2), at / "m.pt"),
    ),
    case(
        "own files",
        "a pickle that runs a command",
        "predict good/a.xyz --checkpoint m.pt --cpu -o x.npz",
        written("m.pt", pickle.dumps(Evil())),
    ),
    case("own files", "config.json cut short", RESUME, cut("runs/mine/config.json", to=9)),
    case("own files", "an option that this kg does not know", RESUME, option("wings", 2)),
    case("own files", "keypoints: 'many'", RESUME, option("keypoints", "many")),
    case("own files", "a broken run among those listed", "list runs", cut("runs/mine/config.json", to=9)),
    case("outputs", "--plot and no metric with a curve", "eval out.npz --metric coverage --plot x.png --cpu"),
    case("outputs", "--csv into a file's folder", "eval out.npz --csv out.npz/x.csv --cpu"),
    case("outputs", "--csv that is a folder", "eval out.npz --csv good --cpu"),
    case("outputs", "--report x.pdf", "eval out.npz --report x.pdf --cpu"),
    case("outputs", "-o of another kind", "predict --cpu -o x.txt"),
    case("outputs", "5,000 keypoints", TRAIN.replace("-k 4", "-k 5000")),
    case("outputs", "a cloud on a line, drawn", f"{DRAW} line.png", flattened(1, 0, 0)),
    case(
        "outputs",
        "a cloud all in one place, drawn",
        "viz x.npz -o dot.png --renderer matplotlib",
        predicted(points=np.zeros_like, keypoints=np.zeros_like),
    ),
    case("outputs", "a mistyped option", "train -c mug --chekpoint x"),
    case(
        "attacks",
        "a store whose points are another file's bytes",
        f"{PREDICT} --store {STORE}",
        elsewhere("external"),
    ),
    case(
        "attacks",
        "a store whose points are a link to another file",
        f"{PREDICT} --store {STORE}",
        elsewhere("link"),
    ),
    case(
        "attacks",
        "a store whose points are a view of another file",
        f"{PREDICT} --store {STORE}",
        elsewhere("virtual"),
    ),
    case("attacks", "a store that claims 1.2 TB", OTHER, elsewhere("claim")),
    case(
        "attacks",
        "predictions that unpack to 1 GB",
        EVAL,
        bombed("points"),
    ),
    case(
        "attacks",
        "keypoints of others that unpack to 1 GB",
        f"eval --keypoints x.npz --store {STORE} --cpu",
        bombed("keypoints"),
    ),
    Case("plugins", "a plugin that exits while it loads, kg list", plugin("import sys\nsys.exit(3)", "list")),
    Case("plugins", "a plugin that exits, asked for", plugin("import sys\nsys.exit(3)", "prepare strange")),
    Case("plugins", "a plugin that is interrupted, kg list", plugin("raise KeyboardInterrupt", "list")),
]
