"""What all tests share: folders of their own, the fixtures, data sets that pretend to be installed."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch

# On a busy machine a second thread costs the tests more than it gives.
torch.set_num_threads(1)

REPOSITORY = Path(__file__).parents[1]

Install = Callable[[str, Mapping[str, str], Mapping[str, str]], Path]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's data, runs or settings."""
    monkeypatch.setenv("KG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KG_RUNS", str(tmp_path / "runs"))
    for name in ("KG_DEBUG", "KG_KERNELS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def fixtures() -> Path:
    return REPOSITORY / "fixtures"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data, which are not part of the repository."""
    folder = Path(os.environ.get("KG_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs real data in {folder} (KG_SHARED_DATA)")
    return folder


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that lets a distribution be found as if it were installed.

    It takes the distribution's name, its modules {name: code}, and its entry points
    {"group name": "module:object"}.
    """

    def add(distribution: str, modules: Mapping[str, str], entry_points: Mapping[str, str]) -> Path:
        site = tmp_path / "site" / distribution
        info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        groups: dict[str, list[str]] = {}
        for key, target in entry_points.items():
            group, name = key.split()
            groups.setdefault(group, []).append(f"{name} = {target}")
        text = "\n".join("\n".join([f"[{group}]", *lines]) for group, lines in groups.items())
        (info / "entry_points.txt").write_text(text + "\n")
        for name, code in modules.items():
            (site / f"{name}.py").write_text(code)
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.syspath_prepend(str(site))
        return site

    return add
