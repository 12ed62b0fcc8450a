"""A store made in pieces that know nothing of each other is the one that is made at once."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from kg import paths, plugins
from kg.data import Item, PrepareOptions
from kg.data import disk as disk_module
from kg.data.preparing.merge import even
from kg.data.preparing.plan import Plan, _command, make_plan
from kg.data.preparing.prepare import merge, prepare, prepare_shard
from kg.data.preparing.shards import Shard, lacking, read_shard
from kg.data.store import Clouds
from kg.errors import KgError

OPTIONS = PrepareOptions(points=32)
ITEMS = [Item(f"f{number}", f"o{number // 5}") for number in range(23)]


@pytest.mark.parametrize("by_object", [False, True])
@pytest.mark.parametrize("count", [1, 3, 7, 23, 40])
def test_pieces_have_each_shape_once(count: int, by_object: bool) -> None:
    pieces = [Shard(number, count).numbers(ITEMS, by_object) for number in range(1, count + 1)]
    assert [number for piece in pieces for number in piece] == list(range(23))
    if by_object:
        assert all(piece.stop in (0, 5, 10, 15, 20, 23) for piece in pieces)
    else:
        assert max(map(len, pieces)) - min(map(len, pieces)) <= 1


@pytest.mark.parametrize(
    ("text", "said"),
    [("3", "is no shard"), ("a/b", "is no shard"), ("0/4", "counted from 1"), ("5/4", "1/4 to 4/4")],
)
def test_what_is_no_shard(text: str, said: str) -> None:
    with pytest.raises(KgError) as caught:
        read_shard(text)
    assert said in f"{caught.value.message} {caught.value.hint}"
    assert read_shard("3/16") == Shard(3, 16)


def test_which_pieces_are_lacking() -> None:
    gaps = [range(2, 4), range(22, 23)]
    # Pieces of 23 in four end at 5, 11, 17 and 23.
    assert lacking(gaps, 4, ITEMS, False) == [Shard(1, 4), Shard(4, 4)]


def test_rows_come_in_even_blocks() -> None:
    def block(first: int, count: int) -> Clouds:
        numbers = np.arange(first, first + count)
        ids = [str(number) for number in numbers]
        points = np.zeros((count, 2, 3), np.float32) + numbers[:, None, None].astype(np.float32)
        values = numbers.astype(np.float64)
        return Clouds(ids, ids, numbers.astype(np.int32), points, values, np.stack([values] * 3, 1))

    blocks = list(even([block(0, 3), block(3, 9), block(12, 0), block(12, 1)], 4))
    assert [len(each) for each in blocks] == [4, 4, 4, 1]
    assert [name for each in blocks for name in each.ids] == [str(number) for number in range(13)]
    assert np.concatenate([each.points for each in blocks])[:, 0, 0].tolist() == list(range(13))


def plan_of(raw: Path, variant: str, options: PrepareOptions = OPTIONS, strict: bool = False) -> Plan:
    return make_plan(plugins.DATASETS.load("odd")(), "c", raw, options, variant=variant, strict=strict)


def digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("count", [1, 3])
def test_the_same_file_as_made_at_once_whoever_makes_the_pieces(odd: Path, count: int) -> None:
    (odd / "s7").write_text("raise KgError('torn')")
    whole = prepare(make_plan(plugins.DATASETS.load("odd")(), "c", odd, OPTIONS, variant="v"))
    file, expected = whole.store.path, digest(whole.store.path)
    file.rename(file.with_suffix(".kept"))
    for number in reversed(range(1, count + 1)):
        done = prepare_shard(plan_of(odd, "v"), Shard(number, count), workers=1)
        assert done.skipped == (
            [("s7", "torn")] if 7 in Shard(number, count).numbers(range(40), False) else []
        )
        assert not file.exists()
    # A piece that is made again has nothing to do, and harms nothing.
    progress: list[tuple[int, int]] = []
    prepare_shard(plan_of(odd, "v"), Shard(1, count), progress=lambda *told: progress.append(told))
    assert len(progress) == 1
    made = merge(plan_of(odd, "v"))
    assert made.skipped == whole.skipped
    assert digest(file) == expected
    assert not list(file.parent.glob(".*.parts"))
    assert not merge(plan_of(odd, "v")).made
    assert prepare_shard(plan_of(odd, "v"), Shard(1, count)).done


def test_a_missing_piece_is_named(odd: Path) -> None:
    with pytest.raises(KgError, match="no shard has begun"):
        merge(plan_of(odd, "v"))
    for number in (1, 4):
        prepare_shard(plan_of(odd, "v"), Shard(number, 4))
    with pytest.raises(KgError, match=r"20 of 40 shapes of c .* missing: shard 2/4, 3/4\.") as caught:
        merge(plan_of(odd, "v"))
    assert "--shard 2/4" in caught.value.hint
    # Pieces made with other options are none of this store's.
    with pytest.raises(KgError, match="no shard has begun with these options"):
        merge(plan_of(odd, "v", replace(OPTIONS, seed=1)))
    assert not paths.store("odd", "c", "v").exists()


def test_a_shape_that_kills_is_left_out_by_name(odd: Path) -> None:
    (odd / "s9").write_text("os.kill(os.getpid(), signal.SIGSEGV)")
    done = prepare_shard(plan_of(odd, "v"), Shard(1, 2), workers=2)
    [(name, reason)] = done.skipped
    assert name == "s9"
    assert "by SIGSEGV" in reason
    prepare_shard(plan_of(odd, "v"), Shard(2, 2))
    made = merge(plan_of(odd, "v"))
    assert [name for name, _ in made.skipped] == ["s9"]
    assert made.store.count == 39
    with pytest.raises(KgError, match="died by SIGSEGV while it made s9"):
        prepare_shard(plan_of(odd, "strict", strict=True), Shard(1, 2))


def test_one_death_alone_costs_nothing(odd: Path, tmp_path: Path) -> None:
    once = tmp_path / "once"
    (odd / "s9").write_text(
        f"if not os.path.exists({str(once)!r}):\n"
        f"    open({str(once)!r}, 'w').close()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert prepare_shard(plan_of(odd, "v"), Shard(1, 1)).skipped == []
    assert merge(plan_of(odd, "v")).store.count == 40


def test_a_disk_without_room_is_told_before_the_work(odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(KgError, match=r"c \(40 clouds, .*\) needs .* bytes, 1,000 are free"):
        prepare(make_plan(plugins.DATASETS.load("odd")(), "c", odd, OPTIONS, variant="v"))
    with pytest.raises(KgError, match="1,000 are free"):
        prepare_shard(plan_of(odd, "v"), Shard(1, 2))


def test_the_command_that_is_recorded_makes_the_store_anywhere() -> None:
    words = ["prepare", "-c", "tie", "--shard", "1/2", "-w", "3", "--cluster=tcp://a:1", "--merge", "-n", "9"]
    assert _command(words) == "kg prepare -c tie -n 9"
