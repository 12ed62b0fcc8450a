"""Files of shapes that are broken, or not what they seem, each in a folder with five good ones."""

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from running import OPTIONS, Case

from kg.data import read_shape

PREPARE = f"prepare folder --from mugs -c jug --frames-of file -n 64 {OPTIONS}"
RNG = np.random.default_rng(0)
POINTS = RNG.random((80, 3))
ROWS = [f"{x:.2f} {y:.2f} {z:.2f}" for x, y, z in POINTS]
LONG, SHORT = ([*ROWS[:40], row, *ROWS[41:]] for row in ("0.1 0.2 0.3 255", "0.1 0.2"))
COMMAS = [row.replace(".", ",") for row in ROWS]
NAN = ["nan 0 0", *ROWS[1:]]
FACE = "element face 1\nproperty list uchar {} vertex_indices\n"
MANY = FACE.format("int").replace("1", "1000000000", 1)
HOLE = ["0 0", "4 0", "4 4", "0 4", "1 1", "1 3", "3 3", "3 1"]
LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
PAGE = "<!DOCTYPE html><html><body>404</body></html>"


def lines(rows: list[str], before: str = "") -> str:
    return "".join(f"{before}{row}\n" for row in rows)


def ply(rows: list[str], count: int | None = None, faces: str = "", layout: str = "ascii") -> str:
    properties = "".join(f"property float {axis}\n" for axis in "xyz")
    vertices = f"element vertex {len(rows) if count is None else count}\n{properties}"
    return f"ply\nformat {layout} 1.0\n{vertices}{faces}end_header\n{lines(rows)}"


def pcd(rows: list[str], count: int = 1, points: int = 80, data: str = "ascii") -> str:
    head = f"VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT {count} 1 1\nWIDTH {points}\n"
    return f"{head}HEIGHT 1\nPOINTS {points}\nDATA {data}\n{lines(rows)}"


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def claims(shape: str, kind: str = "<f8") -> bytes:
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (63 - (10 + len(head)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


def npz(spoil: Callable[[bytearray], None] = lambda content: None) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, points=POINTS)
    content = bytearray(file.getvalue())
    spoil(content)
    return bytes(content)


def tear(content: bytearray) -> None:
    content[120:140] = bytes(20)


def encrypt(content: bytearray) -> None:
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1


def bomb(name: str, size: int) -> bytes:
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(f"{name}.npy", "w", force_zip64=True) as entry,
    ):
        entry.write(claims(f"({size // 24}, 3)"))
        for _ in range(size >> 24):
            entry.write(bytes(1 << 24))
    return file.getvalue()


def glb(mode: int | None) -> bytes:
    """Return a GLB with a primitive of a mode, or with nothing."""
    document: dict[str, object] = {"asset": {"version": "2.0"}, "scenes": [{"nodes": []}], "scene": 0}
    binary = b""
    if mode is not None:
        binary = POINTS.astype("<f4").tobytes()
        accessor = {"bufferView": 0, "componentType": 5126, "count": 80, "type": "VEC3"}
        document |= {
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "mode": mode}]}],
            "buffers": [{"byteLength": len(binary)}],
            "bufferViews": [{"buffer": 0, "byteLength": len(binary)}],
            "accessors": [accessor],
        }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    if binary:
        chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
    return b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def stl(word: Callable[[str], str] = str, corner: str = "0 1 {}") -> str:
    facets = [
        f"facet normal 0 0 1\nouter loop\nvertex {at} 0 0\nvertex {at + 1} 0 0\n"
        f"vertex {corner.format(at)}\nendloop\nendfacet\n"
        for at in range(10)
    ]
    return word(f"solid a\n{''.join(facets)}endsolid a\n")


def binary_stl(behind: bytes) -> bytes:
    triangles = np.zeros(10, np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("mark", "<u2")]))
    triangles["corners"] = RNG.random((10, 3, 3))
    return bytes(80) + struct.pack("<I", 10) + triangles.tobytes() + behind


def spiral() -> str:
    """Return one polygon that winds sixty times around itself."""
    turn = np.linspace(0, 60 * np.pi, 60_000)
    arms = [np.stack([(r + turn) * np.cos(turn), (r + turn) * np.sin(turn)], 1) for r in (1, 2)]
    corners = np.concatenate([arms[0], arms[1][::-1]])
    vertices = lines([f"{x:.5f} {y:.5f} 0" for x, y in corners], "v ")
    return f"{vertices}f {' '.join(map(str, range(1, len(corners) + 1)))}\n"


TRIANGLE = ROWS[:3]
LIST = partial(ply, TRIANGLE)
FILES: list[tuple[str, str, str, str | bytes | Callable[[], str | bytes]]] = [
    ("numbers", "a row of text with 4 numbers where 3 are declared", "ply", ply(LONG)),
    ("numbers", "a row of text with 2 numbers", "ply", ply(SHORT)),
    ("numbers", "more rows than declared", "ply", ply(ROWS, 70)),
    ("numbers", "a row of text with 4 numbers", "pcd", pcd(LONG)),
    ("numbers", "a row of text with 2 numbers", "pcd", pcd(SHORT)),
    ("numbers", "decimal commas", "xyz", lines(COMMAS)),
    ("numbers", "decimal commas", "ply", ply(COMMAS)),
    ("numbers", "decimal commas", "pcd", pcd(COMMAS)),
    ("numbers", "decimal commas", "obj", lines(COMMAS, "v ")),
    ("numbers", "decimal commas", "off", lines(["OFF", "80 0 0", *COMMAS])),
    ("numbers", "decimal commas", "stl", stl(corner="0,5 1 {}")),
    ("numbers", "two columns x", "ply", ply(ROWS).replace("float y", "float x")),
    ("numbers", "a second vertex element", "ply", ply(ROWS, faces="element vertex 1\nproperty float x\n")),
    ("numbers", "face indices that are floats", "ply", LIST(faces=FACE.format("float")) + "3 0 1 1.5\n"),
    (
        "numbers",
        "end_header within a comment",
        "ply",
        ply(ROWS).replace("element", "comment end_header\nelement", 1),
    ),
    ("bad files", "a broken deflate stream", "npz", npz(tear)),
    ("bad files", "encrypted", "npz", npz(encrypt)),
    ("bad files", "a shape of 10^12 points claimed", "npy", claims("(1000000000000, 3)") + bytes(100)),
    ("bad files", "an .npz under the name .npy", "npy", npz()),
    ("bad files", "an .npy under the name .npz", "npz", npy(POINTS)),
    ("bad files", "Python objects", "npy", claims("(80, 3)", "|O") + bytes(2000)),
    ("bad files", "an index beyond 2^63", "obj", lines(TRIANGLE, "v ") + f"f 1 2 {10**22}\n"),
    ("bad files", "COUNT 0", "pcd", pcd(ROWS, 0)),
    ("bad files", "a list of inf numbers", "ply", LIST(faces=FACE.format("int")) + "inf 0 1 2\n"),
    ("bad files", "a coordinate of 1e200", "xyz", lines([*ROWS, "1e200 0 0"])),
    ("bad files", "empty", "ply", b""),
    ("odd files", "no meshes", "glb", glb(None)),
    ("odd files", "points", "glb", glb(0)),
    ("odd files", "lines", "glb", glb(1)),
    ("odd files", "a NaN point", "xyz", lines(NAN)),
    ("odd files", "a NaN point", "ply", ply(NAN)),
    ("odd files", "a NaN point", "pcd", pcd(NAN)),
    ("odd files", "a NaN point", "obj", lines(NAN, "v ")),
    ("odd files", "a NaN point", "off", lines(["OFF", "80 0 0", *NAN])),
    ("odd files", "a NaN point", "npy", npy(np.where(np.arange(80)[:, None] == 3, np.nan, POINTS))),
    ("odd files", "a byte order mark", "xyz", b"\xef\xbb\xbf" + lines(ROWS).encode()),
    ("odd files", "UTF-16", "obj", lines(ROWS, "v ").encode("utf-16")),
    ("odd files", "capitals", "stl", stl(str.upper)),
    ("odd files", "bytes behind the last triangle", "stl", binary_stl(b"abc")),
    (
        "odd files",
        "a face of two corners",
        "obj",
        lines(TRIANGLE, "v ") + "f 1 2 3\nf 1 2\n",
    ),
    ("odd files", "comments behind statements", "obj", lines([f"{row} # a" for row in ROWS], "v ")),
    ("odd files", "a line that counts, one that names columns", "xyz", f"80\nx y z\n{lines(ROWS)}"),
    ("odd files", "a line that counts wrong", "xyz", f"81\n{lines(ROWS)}"),
    ("odd files", "semicolons", "xyz", lines(ROWS).replace(" ", ";")),
    *(("odd files", "a Git LFS pointer", suffix, LFS) for suffix in ("ply", "stl", "npz", "xyz", "glb")),
    *(("odd files", "a web page", suffix, PAGE) for suffix in ("ply", "obj", "npy", "gltf")),
    ("attacks", "9 MB that unpack to 2 GB", "npz", partial(bomb, "points", 2 << 30)),
    (
        "attacks",
        "1 kB of LZF that claims 1.2 GB",
        "pcd",
        pcd([], points=10**8, data="binary_compressed").encode() + struct.pack("<II", 1000, 12 * 10**8),
    ),
    ("attacks", "a concave polygon of 120,000 corners", "obj", spiral),
    (
        "attacks",
        "10^9 lists claimed",
        "ply",
        LIST(faces=FACE.format("int").replace("1", "1000000000", 1)),
    ),
    (
        "attacks",
        "a binary list of 4 billion numbers",
        "ply",
        ply([], 1, FACE.format("int").replace("uchar", "uint"), "binary_little_endian").encode()
        + bytes(12)
        + b"\xff" * 4,
    ),
]


def _folder(at: Path) -> Path:
    (at / "mugs").mkdir()
    for name in "abcde":
        (at / "mugs" / f"{name}.xyz").write_bytes((at / "good" / f"{name}.xyz").read_bytes())
    return at / "mugs"


def _with(suffix: str, content: str | bytes | Callable[[], str | bytes], words: str, at: Path) -> str:
    made = content() if callable(content) else content
    (_folder(at) / f"x.{suffix}").write_bytes(made.encode() if isinstance(made, str) else made)
    return words


def _bridged_hole(at: Path) -> Callable[[], object]:
    file = at / "hole.obj"
    file.write_text(lines([f"{place} 0" for place in HOLE], "v ") + "f 1 2 3 4 1 5 6 7 8 5\n")

    def area() -> str:
        shape = read_shape(file)
        a, b, c = np.moveaxis(shape.vertices[shape.faces], 1, 0)
        return f"area {np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2:.6g}"

    return area


def _not_utf8(words: str, at: Path) -> str:
    Path(os.fsdecode(os.fsencode(_folder(at)) + b"/\xff.xyz")).write_text(lines(ROWS))
    return words


def _hidden(at: Path) -> str:
    folder = _folder(at)
    for name in (".cache/x.ply", "._a.xyz"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("junk")
    return PREPARE


PREDICT = "predict mugs -o three.npz --cpu"
CASES = [
    *(
        Case(part, f".{suffix}: {given}", partial(_with, suffix, content, PREPARE))
        for part, given, suffix, content in FILES
    ),
    Case("numbers", ".obj: a hole of area 4 in 16, joined to the outline by a bridge", _bridged_hole),
    Case("bad files", "kg predict, a broken .npz among others", partial(_with, "npz", npz(tear), PREDICT)),
    Case(
        "bad files",
        "kg predict, a broken .npz alone",
        partial(_with, "npz", npz(tear), "predict mugs/x.npz -o three.npz --cpu"),
    ),
    Case("odd files", "a file name that is not UTF-8, kg prepare", partial(_not_utf8, PREPARE)),
    Case("odd files", "a file name that is not UTF-8, kg predict", partial(_not_utf8, PREDICT)),
    Case("odd files", "hidden files and folders", _hidden),
]
