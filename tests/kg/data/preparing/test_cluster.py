"""A store made by the workers of a Dask cluster is the one that is made at once."""

import os
import shutil
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kg import plugins
from kg.data import PrepareOptions
from kg.data.preparing import cluster as module
from kg.data.preparing.plan import Plan, make_plan
from kg.data.preparing.prepare import prepare, prepare_on_cluster
from kg.errors import KgError

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

OPTIONS = PrepareOptions(points=32)
pytestmark = pytest.mark.usefixtures("in_time")


@pytest.fixture(scope="module")
def where(odd_code: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster: two workers in processes of their own, each replaced if it is lost."""
    site = tmp_path_factory.mktemp("site")
    (site / "odd_set.py").write_text(odd_code)
    # Half as many workers are lost over a shape before it is left out.
    fewer = dask.config.set({"distributed.scheduler.allowed-failures": 1})
    with fewer, pytest.MonkeyPatch.context() as patch:
        # Processes that are started have the path of this one.
        patch.syspath_prepend(site)
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as cluster:
            yield cluster.scheduler_address


def plan_of(raw: Path, strict: bool = False) -> Plan:
    return make_plan(plugins.DATASETS.load("odd")(), "c", raw, OPTIONS, variant="v", strict=strict)


@pytest.fixture
def whole(odd: Path) -> str:
    """The fingerprint of the store as it is made at once, which is put away."""
    store = prepare(make_plan(plugins.DATASETS.load("odd")(), "c", odd, OPTIONS, variant="v")).store
    digest = sha256(store.path.read_bytes()).hexdigest()
    store.path.unlink()
    return digest


@pytest.mark.parametrize("shared", [True, False])
def test_the_same_file_with_a_shared_disk_or_without(
    odd: Path, whole: str, where: str, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shared:
        send = module._lot
        monkeypatch.setattr(module, "_lot", lambda job, numbers, token: send(job, numbers, "not-there"))
    told: list[tuple[int, int]] = []
    made = prepare_on_cluster(plan_of(odd), where, progress=lambda *numbers: told.append(numbers))
    assert sha256(made.store.path.read_bytes()).hexdigest() == whole
    assert (told[0], told[-1]) == ((0, 40), (40, 40))
    assert not list(made.store.path.parent.glob(".*.parts"))
    assert not prepare_on_cluster(plan_of(odd), where).made


def test_a_worker_killed_in_the_middle_is_replaced(odd: Path, whole: str, where: str, tmp_path: Path) -> None:
    once = tmp_path / "once"
    (odd / "s23").write_text(
        f"if not os.path.exists({str(once)!r}):\n"
        f"    open({str(once)!r}, 'w').close()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    made = prepare_on_cluster(plan_of(odd), where)
    assert once.exists()
    assert sha256(made.store.path.read_bytes()).hexdigest() == whole


def test_what_a_worker_raises_is_one_line(odd: Path, where: str) -> None:
    (odd / "s9").write_text("raise KgError('torn')")
    with pytest.raises(KgError, match="s9: torn"):
        prepare_on_cluster(plan_of(odd, strict=True), where)
    (odd / "s9").write_text("1 / 0")
    with pytest.raises(KgError, match="odd failed at s9: ZeroDivisionError"):
        prepare_on_cluster(plan_of(odd), where)


def test_a_worker_that_lacks_the_data_set_is_told(
    odd: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Elsewhere(plugins.DATASETS.load("odd")):  # type: ignore[misc]
        pass

    elsewhere = ModuleType("elsewhere")
    elsewhere.Elsewhere = Elsewhere  # type: ignore[attr-defined]
    Elsewhere.__module__, Elsewhere.__qualname__ = "elsewhere", "Elsewhere"
    monkeypatch.setitem(sys.modules, "elsewhere", elsewhere)
    plan = make_plan(Elsewhere(), "c", odd, OPTIONS, variant="v")
    with pytest.raises(KgError, match="worker of the cluster cannot import elsewhere"):
        prepare_on_cluster(plan, where)


def test_a_worker_with_another_kg_or_other_files_is_refused(odd: Path, tmp_path: Path) -> None:
    lot = module._lot(plan_of(odd).job, range(3, 5), "token")
    assert set(module.make_lot(lot)) == {path.name for path in _made_here(lot)}
    other = module.replace(lot, versions={**lot.versions, "kg": "9"})
    with pytest.raises(KgError, match=r"has kg .*; the store would not be one of kg 9"):
        module.make_lot(other)
    file = tmp_path / "mesh.obj"
    shutil.copy(__file__, file)
    files = module.files_of((file, ("x", file)))
    os.utime(file, (1, 1))
    with pytest.raises(KgError, match=r"sees no .*mesh\.obj, or another one"):
        module.make_lot(module.replace(lot, files=files))


def _made_here(lot: Any) -> list[Path]:
    lot.job.chunks.folder.mkdir(parents=True)
    (lot.job.chunks.folder / lot.token).touch()
    assert module.make_lot(lot) == {}
    (lot.job.chunks.folder / lot.token).unlink()
    return list(lot.job.chunks.folder.iterdir())


def test_a_cluster_that_has_lost_its_workers_is_told(odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.4)
    monkeypatch.setattr(module, "EVERY", 0.2)
    with (
        distributed.LocalCluster(
            n_workers=0, processes=False, dashboard_address=None, silence_logs=50
        ) as empty,
        pytest.raises(KgError, match="has no workers any more"),
    ):
        prepare_on_cluster(plan_of(odd), empty.scheduler_address)


def test_a_lot_is_taken_apart_by_object() -> None:
    objects = [str(number // 4) for number in range(20)]
    assert module._pieces(range(6, 14), objects) == [range(6, 8), range(8, 12), range(12, 14)]
    assert module._pieces(range(6, 9), ()) == [range(6, 7), range(7, 8), range(8, 9)]


# The last: on a machine that is too busy to start them again, workers are gone after it.
def test_a_shape_that_kills_workers_is_left_out_by_name(odd: Path, where: str) -> None:
    (odd / "s9").write_text("os.kill(os.getpid(), signal.SIGKILL)")
    made = prepare_on_cluster(plan_of(odd), where)
    [(name, reason)] = made.skipped
    assert name == "s9"
    assert "lost several workers while they made it alone" in reason
    assert made.store.count == 39
