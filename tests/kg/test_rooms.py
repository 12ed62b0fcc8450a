"""The rooms of kg: imports flow one way, and plugins know contracts only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import kg

ROOMS = (
    ("docs",),
    ("cli",),
    ("sweep",),
    ("evaluation",),
    ("viz",),
    ("inference",),
    ("train",),
    ("model",),
    ("sim",),
    ("config",),
    ("data",),
    ("ops",),
    ("compiling",),
)
"""Each imports from those after it."""
LOOSE = {"errors", "paths", "devices", "plugins"}
CONTRACTS = {"data", "model", "sim", "ops", "config", "compiling"} | LOOSE
"""What a plugin may import of kg."""


def imported(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file with what it imports of kg, wherever it does: "data", "ops", ..."""
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "kg":
                names = [f"kg.{name.name}" for name in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            yield from ((file, name.split(".")[1]) for name in names if name.startswith("kg."))


def test_imports_flow_one_way() -> None:
    root = Path(kg.__file__).parent
    rank = {name: number for number, names in enumerate(ROOMS) for name in names}
    assert {path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("_")} - {
        "cache"
    } == set(rank)
    upwards = [
        (str(file.relative_to(root)), name)
        for file, name in imported(root)
        if file.parent != root and name in rank and rank[name] < rank[file.relative_to(root).parts[0]]
    ]
    assert upwards == []


def test_four_modules_lie_loose() -> None:
    files = {path.stem for path in Path(kg.__file__).parent.glob("*.py")}
    assert files == {"__init__", "__main__", *LOOSE}


def test_plugins_import_contracts_only() -> None:
    plugins = Path(kg.__file__).parents[1] / "plugins"
    others = {(file.name, name) for file, name in imported(plugins) if name not in CONTRACTS}
    assert others == set()
