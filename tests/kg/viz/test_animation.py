"""Films and sheets of a motion, looked at pixel by pixel."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from kg.errors import KgError
from kg.viz import Style, animation, draw_film, draw_frames, encode
from kg.viz.colours import keypoint_colours
from kg.viz.motion import Motion

FRONT = Style(size=120, view="front", renderer="matplotlib")


@pytest.fixture
def motion() -> Motion:
    """A ball of radius 1 that goes 8 to the right in 9 frames, its keypoint in its middle."""
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(9, 150, 3))
    ball /= np.linalg.norm(ball, axis=2, keepdims=True)
    centres = np.arange(9)[:, None, None] * np.array([1.0, 0, 0])
    return Motion(
        name="ball",
        ids=[f"ball-{frame}" for frame in range(9)],
        points=ball + centres,
        keypoints=np.zeros((9, 1, 3)) + centres,
        edge_pairs=np.empty((0, 2), dtype=np.int64),
        strengths=np.empty((9, 0)),
        colours=None,
        up="y",
        seconds=None,
        predicted=False,
    )


def pictures(path: Path) -> list[NDArray[np.float64]]:
    with Image.open(path) as opened:
        return [np.asarray(frame.convert("RGB")) / 255 for frame in ImageSequence.Iterator(opened)]


def alike(picture: NDArray[np.float64], tolerance: float = 0.2) -> NDArray[np.int64]:
    """Return the pixels (n, 2), row and column, that have the first keypoint's colour."""
    return np.argwhere(np.linalg.norm(picture - keypoint_colours(1)[0], axis=-1) < tolerance)


def test_it_moves_at_one_scale_before_one_camera(motion: Motion, tmp_path: Path, renderer: str) -> None:
    style = replace(FRONT, renderer=renderer, trails=False)
    drawn = draw_film(motion, tmp_path / "a.gif", style, seconds=1)
    shown = pictures(drawn.path)
    assert (drawn.ids, drawn.seconds) == (tuple(motion.ids), 1)
    assert {picture.shape for picture in shown} == {(drawn.height, drawn.width, 3)}
    columns = [alike(picture)[:, 1].mean() for picture in shown]
    # From 1 to 9 of 10 units across.
    np.testing.assert_allclose(np.diff(columns), np.diff(columns).mean(), atol=1.5)
    assert columns[-1] - columns[0] > 0.6 * drawn.width
    heights = [np.ptp(np.argwhere((picture < 0.9).any(axis=2))[:, 0]) for picture in shown]
    assert np.ptp(heights) <= 4


def test_a_trail_leads_to_where_the_keypoint_is_and_fades(
    motion: Motion, tmp_path: Path, renderer: str
) -> None:
    style = replace(FRONT, renderer=renderer)
    far = replace(motion, points=motion.points * [1, 0.2, 1] + [0, 3, 0])
    last = {}
    for name, trails in (("with", True), ("without", False)):
        path = draw_film(far, tmp_path / f"{name}.gif", replace(style, trails=trails), seconds=1).path
        last[name] = pictures(path)[-1]
    changed = np.abs(last["with"] - last["without"]).sum(axis=2)
    head = alike(last["without"])
    row, column = head.mean(axis=0)
    rows, columns = np.nonzero(changed > 0.08)
    assert len(rows) > 10
    assert np.abs(rows - row).max() <= 4
    assert columns.max() <= head[:, 1].max() + 1
    # It is three frames long, which is 3 of the 8 that the keypoint went.
    strength = changed.max(axis=0)
    near, old = strength[int(column) - 16 : int(column) - 6].max(), strength[: int(column) - 22].max()
    assert near > 1.3 * old


def test_a_sheet_shows_frames_with_trails_from_the_one_before(
    motion: Motion, tmp_path: Path, renderer: str
) -> None:
    style = replace(FRONT, columns=1, renderer=renderer)
    drawn = draw_frames(motion, tmp_path / "a.png", 3, (), style)
    assert drawn.ids == ("ball-0", "ball-4", "ball-8")
    tiles = np.split(np.asarray(imread(drawn.path)[..., :3], dtype=np.float64), 3)
    columns = [alike(tile)[:, 1].max() for tile in tiles]
    np.testing.assert_allclose(np.diff(columns), np.diff(columns).mean(), atol=3)
    assert draw_frames(motion, tmp_path / "b.png", 3, ["ball-7"], style).ids == ("ball-7",)


@pytest.mark.parametrize(
    ("known", "asked", "rate", "count", "lasts"),
    [
        (None, None, 20, 9, 4.0),
        (None, None, 2, 9, 4.5),
        (0.3, None, 20, 6, 0.3),
        (3.0, None, 20, 9, 3.0),
        (3.0, 0.2, 20, 4, 0.2),
    ],
)
def test_a_film_takes_the_motions_own_time(
    motion: Motion,
    tmp_path: Path,
    known: float | None,
    asked: float | None,
    rate: float,
    count: int,
    lasts: float,
) -> None:
    moved = replace(motion, seconds=known)
    told: list[tuple[int, int]] = []
    drawn = draw_film(
        moved, tmp_path / "a.gif", FRONT, seconds=asked, rate=rate, progress=lambda *said: told.append(said)
    )
    assert (len(drawn.ids), drawn.seconds) == (count, lasts)
    assert (drawn.ids[0], drawn.ids[-1]) == ("ball-0", "ball-8")
    assert told == [(done, count) for done in range(count + 1)]
    with Image.open(drawn.path) as opened:
        times = [frame.info["duration"] for frame in ImageSequence.Iterator(opened)]
        assert opened.info["loop"] == 0
    assert sum(times) == pytest.approx(1000 * (lasts + encode.PAUSE), abs=10)


@pytest.mark.parametrize(("known", "rate"), [(0.15, 60), (0.15, 50), (0.11, 60), (None, 60)])
def test_no_picture_of_a_gif_is_too_short_for_a_browser(
    motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: float | None, rate: float
) -> None:
    """Of 9 frames in 0.15 s, 50 a second are 7; unknown time is as long as they all need."""
    monkeypatch.setattr(animation, "UNKNOWN_SECONDS", 0.05)
    drawn = draw_film(replace(motion, seconds=known), tmp_path / "a.gif", FRONT, rate=rate)
    assert len(drawn.ids) == (int(50 * known) if known else 9)
    with Image.open(drawn.path) as opened:
        assert min(frame.info["duration"] for frame in ImageSequence.Iterator(opened)) >= 20


def test_rare_colours_and_the_background_survive_in_a_gif(motion: Motion, tmp_path: Path) -> None:
    style = replace(FRONT, background="#102030")
    shown = pictures(draw_film(motion, tmp_path / "a.gif", style, seconds=1).path)[4]
    np.testing.assert_allclose(shown[0, 0] * 255, [16, 32, 48])
    assert len(alike(shown, 0.12)) >= 5


def test_what_lies_on_the_ground_is_seen_from_a_little_above(motion: Motion) -> None:
    """Of two points, one 1 above the other, the upper one is higher in the picture by cos(38°)."""
    pole = np.zeros((9, 150, 3))
    pole[:, 75:, 2] = 1
    scene = animation._scene(replace(motion, points=pole, up="z"), [0, 8], [0, 0], Style())
    np.testing.assert_allclose(np.ptp(scene.shapes[0].points[:, 1]), np.cos(np.radians(38)))
    assert scene.shapes[0].points[75, 1] > scene.shapes[0].points[0, 1]
    flat = animation._scene(replace(motion, points=pole, up="z"), [0], [0], Style(view="top"))
    assert np.ptp(flat.shapes[0].points[:, 1]) < 1e-9


def test_a_keypoint_out_of_sight_breaks_its_trail(motion: Motion) -> None:
    keypoints = motion.keypoints.copy()
    keypoints[4] = np.nan
    scene = animation._scene(replace(motion, keypoints=keypoints), [8], [0], Style(view="front"))
    first, second = scene.lines(scene.shapes[0])
    assert np.ptp(first.places[:, 0]) == pytest.approx(3)
    assert np.ptp(second.places[:, 0]) == pytest.approx(3)
    assert first.opacity.max() < second.opacity.min()
    np.testing.assert_allclose(np.diff(first.places[:, 0]), 0.25, atol=1e-9)


def test_a_single_frame_is_no_film(motion: Motion, tmp_path: Path) -> None:
    alone = replace(motion, ids=motion.ids[:1])
    with pytest.raises(KgError, match="single frame"):
        draw_film(alone, tmp_path / "a.gif", FRONT)


class TestMp4:
    """Films by ffmpeg, or by what stands in for it."""

    def test_without_ffmpeg_it_says_what_to_install(
        self, motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("shutil.which", lambda name: None)
        monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
        with pytest.raises(KgError, match="needs ffmpeg") as caught:
            draw_film(motion, tmp_path / "a.mp4", FRONT)
        assert "imageio-ffmpeg" in caught.value.hint
        assert list(tmp_path.glob("*.mp4")) == []

    def program(self, tmp_path: Path, code: str) -> str:
        script = tmp_path / "ffmpeg"
        script.write_text(f"#!/usr/bin/env python3\nimport sys\n{code}\n")
        script.chmod(0o755)
        return str(script)

    def test_it_gets_every_picture_with_even_sides_and_the_rate(
        self, motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        code = (
            "size = len(sys.stdin.buffer.read())\n"
            "words = sys.argv\n"
            "said = [words[words.index('-s') + 1], words[words.index('-r') + 1], str(size)]\n"
            "open(words[-1], 'w').write(' '.join(said))"
        )
        monkeypatch.setattr("shutil.which", lambda name: self.program(tmp_path, code))
        drawn = draw_film(motion, tmp_path / "a.mp4", replace(FRONT, size=121), seconds=0.9)
        size, rate, total = drawn.path.read_text().split()
        width, height = (int(side) for side in size.split("x"))
        assert (width % 2, height % 2) == (0, 0)
        assert (width - drawn.width, height - drawn.height) in [(0, 0), (0, 1), (1, 0), (1, 1)]
        assert float(rate) == 10
        assert int(total) == 9 * 3 * width * height

    def test_what_it_complains_of_is_one_line_and_nothing_is_left(
        self, motion: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        code = "sys.stdin.close(); print('no codec', file=sys.stderr); sys.exit(1)"
        monkeypatch.setattr("shutil.which", lambda name: self.program(tmp_path, code))
        with pytest.raises(KgError, match="no codec"):
            draw_film(motion, tmp_path / "a.mp4", FRONT, seconds=0.5)
        assert list(tmp_path.glob("*.mp4")) == []


def test_where_a_keypoint_is_not_visible_its_trail_is_cut(motion: Motion) -> None:
    visible = np.ones((9, 1), np.bool_)
    visible[4] = False
    scene = animation._scene(replace(motion, visible=visible), [4, 8], [0, 0], FRONT)
    assert [shape.rings.tolist() for shape in scene.shapes] == [[True], [False]]
    assert np.isfinite(scene.shapes[0].keypoints).all()
    whole = animation._scene(motion, [8], [0], FRONT)
    assert [len(each.lines(each.shapes[-1])) for each in (scene, whole)] == [2, 1]
