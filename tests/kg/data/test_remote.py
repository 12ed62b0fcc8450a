"""Stores, checkpoints and runs by URL; memory:// stands for what is elsewhere."""

import shutil
import sys

import pytest
import torch

from kg import paths
from kg.config.stores import choose_store, name_stores
from kg.data import Store
from kg.data.find import StoreQuery, find_by_checksum
from kg.data.remote import copy_here, url_of
from kg.errors import KgError
from kg.inference.targets import find_checkpoint, find_resumed, find_target
from kg.train import train
from kg.train.copying import copy_of
from kg.train.runs import read_metrics, write_json

fsspec = pytest.importorskip("fsspec")
CPU = torch.device("cpu")


@pytest.fixture
def bucket():
    """A file system that is empty before and after."""
    files = fsspec.filesystem("memory")
    files.rm("/bucket", recursive=True) if files.exists("/bucket") else None
    yield files
    files.rm("/bucket", recursive=True) if files.exists("/bucket") else None


@pytest.mark.parametrize(
    ("named", "url"),
    [
        ("s3:/bucket/a.h5", "s3://bucket/a.h5"),
        ("s3://bucket/a.h5", "s3://bucket/a.h5"),
        ("https:/host/a?b=c", "https://host/a?b=c"),
        ("file:/tmp/a", "file:///tmp/a"),
        ("/tmp/a.h5", None),
        ("C:/a.h5", None),
        ("runs/a", None),
    ],
)
def test_what_is_a_url(named, url):
    assert url_of(named) == url


def test_a_store_is_copied_once_until_it_changes(bucket, tiny_store, monkeypatch):
    bucket.put_file(str(tiny_store.path), "/bucket/v.h5")
    gotten = []
    monkeypatch.setattr(type(bucket), "get_file", counting(gotten, type(bucket).get_file))
    for _ in range(2):
        store = Store("memory://bucket/v.h5")
        assert store.checksum == tiny_store.checksum
        assert store.place == "memory://bucket/v.h5"
        assert store.files[0].path.is_relative_to(paths.home() / "cache")
    assert len(gotten) == 1
    bucket.rm("/bucket/v.h5")
    bucket.put_file(str(tiny_store.path), "/bucket/v.h5")
    Store("memory://bucket/v.h5")
    assert len(gotten) == 2

    # Nobody answers: the copy will do.
    cut_off(monkeypatch, bucket)
    with pytest.warns(UserWarning, match=r"no network\. The copy from before is taken"):
        assert Store("memory://bucket/v.h5").checksum == tiny_store.checksum
    with pytest.raises(KgError, match=r"memory://bucket/w\.h5 cannot be reached: no network"):
        Store("memory://bucket/w.h5")


def cut_off(monkeypatch, files, after=0):
    """Let a file system fail once it has answered so many times."""
    answers = iter([type(files).info] * after)

    def refuse(self, path, **kwargs):
        if (answer := next(answers, None)) is None:
            raise ConnectionError("no network")
        return answer(self, path, **kwargs)

    for name in ("info", "glob"):
        monkeypatch.setattr(type(files), name, refuse)


def counting(calls, function):
    def call(self, source, *args, **kwargs):
        calls.append(source)
        return function(self, source, *args, **kwargs)

    return call


def test_a_store_of_several_files(bucket, tiny_store):
    for name in ("a-1.h5", "a-2.h5"):
        bucket.put_file(str(tiny_store.path), f"/bucket/parted/{name}")
    for url in ("memory://bucket/parted", "memory://bucket/parted/a-*.h5"):
        assert Store(url).count == 2 * tiny_store.count
    with pytest.raises(KgError, match="There is no file of a prepared store at memory://bucket/none"):
        Store("memory://bucket/none")


def test_a_store_of_several_files_needs_no_network_once_it_is_here(bucket, tiny_store, monkeypatch):
    bucket.put_file(str(tiny_store.path), "/bucket/parted/a-1.h5")
    checksum = Store("memory://bucket/parted").checksum
    cut_off(monkeypatch, bucket)
    with pytest.warns(UserWarning, match="The copy from before is taken"):
        assert Store("memory://bucket/parted").checksum == checksum
    with pytest.raises(KgError, match="memory://bucket/other cannot be reached: no network"):
        Store("memory://bucket/other")


def test_a_run_needs_no_network_once_it_is_here_but_half_of_one_is_refused(bucket, monkeypatch):
    # config.json, and of the checkpoints one of several that there may be.
    for name in ("config.json", "best.safetensors"):
        bucket.pipe_file(f"/bucket/run/{name}", b"{}")
    with monkeypatch.context() as context:
        cut_off(context, bucket, after=1)
        with pytest.raises(KgError, match="cannot be reached: no network"):
            find_target("memory://bucket/run")
    run = find_target("memory://bucket/run").path
    cut_off(monkeypatch, bucket)
    with pytest.warns(UserWarning, match="The copy from before is taken") as told:
        assert find_target("memory://bucket/run").path == run
    assert len(told) == 1
    assert find_checkpoint("memory://bucket/run").name == "best.safetensors"


def test_a_training_finds_it_again(bucket, tiny_store, tmp_path):
    bucket.put_file(str(tiny_store.path), "/bucket/d/ellipsoid/rest.h5")
    data = name_stores([Store("memory://bucket/d/ellipsoid/rest.h5")], "object")
    assert data.store == "memory://bucket/d/ellipsoid/rest.h5"
    shutil.rmtree(paths.home() / "cache")
    assert choose_store(data, StoreQuery(variant="rest")).checksum == tiny_store.checksum
    bucket.rm("/bucket", recursive=True)
    shutil.rmtree(paths.home() / "cache")
    with pytest.raises(KgError, match="There is no file at memory://bucket/d"):
        choose_store(data, StoreQuery(variant="rest"))
    # One that was copied by hand is known by its checksum.
    by_hand = paths.store("ellipsoids", "ellipsoid", "rest")
    by_hand.parent.mkdir(parents=True)
    shutil.copyfile(tiny_store.path, by_hand)
    assert find_by_checksum(tmp_path / data.store, data.checksum, "now").path == by_hand


def test_what_is_missing_is_one_line(monkeypatch):
    with pytest.raises(KgError, match=r"no file at memory://bucket/a\.pt"):
        copy_here("memory://bucket/a.pt")
    with pytest.raises(KgError, match="s4://a/b cannot be reached: Protocol not known: s4"):
        copy_here("s4://a/b")

    def lacking(url):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "url_to_fs", lacking)
    with pytest.raises(KgError, match="s3:// needs a package that is not installed") as caught:
        copy_here("s3://a/b")
    assert caught.value.hint == "Install s3fs to access S3"
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(KgError, match="s3:// needs fsspec") as caught:
        copy_here("s3://a/b")
    assert "kg[remote]" in caught.value.hint


def test_a_run_is_copied_and_goes_on_elsewhere(bucket, tiny_config):
    """As on a machine that is taken away after two of three epochs."""
    run, whole = (paths.runs() / name for name in ("here", "whole"))
    for each in (run, whole):
        each.mkdir(parents=True)
    train(tiny_config, whole, CPU)
    copy = copy_of(run, "memory://bucket/runs")
    write_json(run / "config.json", tiny_config.to_dict())

    def broken(now):
        if now.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny_config, run, CPU, report=broken, copy=copy)
    shutil.rmtree(run)
    url = "memory://bucket/runs/here"
    assert (find_target(url).kind, find_checkpoint(url).name) == ("run", "best.safetensors")
    last = f"{url}/last.safetensors"
    assert find_checkpoint(last).name == find_checkpoint(None, last).name == "last.safetensors"
    resumed = find_resumed(url)
    assert resumed == run
    # What it goes on with is copied too, with nothing said again.
    copy = copy_of(resumed, None)
    assert copy.url == url
    train(tiny_config, resumed, CPU, resume=True, copy=copy)
    ended = [entry["val_loss"] for entry in read_metrics(whole)]
    assert [entry["val_loss"] for entry in read_metrics(run)] == ended
    assert len(bucket.cat_file("/bucket/runs/here/metrics.jsonl").splitlines()) == 3
    assert bucket.exists("/bucket/runs/here/tensorboard")
    with pytest.raises(KgError, match="is there already, and is not the one of"):
        find_resumed("memory://bucket/others/here")


def test_a_copy_that_fails_is_a_warning(bucket, tmp_path, monkeypatch):
    with pytest.raises(KgError, match="'bucket/runs' is no URL"):
        copy_of(tmp_path, "bucket/runs")
    copy = copy_of(tmp_path, "memory://bucket/runs")

    def refuse(self, *args, **kwargs):
        raise PermissionError("denied")

    monkeypatch.setattr(type(bucket), "put_file", refuse)
    (tmp_path / "last.safetensors").write_text("new")
    with pytest.warns(UserWarning, match="The run is not copied: .*denied"):
        copy.update(now=True)
    with pytest.raises(KgError, match="cannot be reached: denied"):
        copy_of(tmp_path, "memory://bucket/runs")
