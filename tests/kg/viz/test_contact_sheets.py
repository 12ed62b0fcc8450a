import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.image import imread
from numpy.typing import NDArray

from kg.data import Store
from kg.data.store import Clouds, write_store
from kg.errors import KgError
from kg.inference.predictions import Predictions
from kg.viz import Style, contact_sheet, probe, render, show
from kg.viz.colours import keypoint_colours
from kg.viz.contact_sheets import choose_shapes
from kg.viz.scene import Shape, make_scene
from kg.viz.view import View

FRONT = Style(size=240, columns=5, view="front", edges=False, renderer="matplotlib")


def pixels(path: Path) -> NDArray[np.float64]:
    return np.asarray(imread(path)[..., :3], dtype=np.float64)


def blob(picture: NDArray[np.float64], colour: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean position (x right, y down) of the pixels that look like a colour."""
    alike = np.linalg.norm(picture - colour, axis=-1) < 0.12
    assert alike.sum() >= 10, "the colour is not in the picture"
    rows, columns = np.nonzero(alike)
    return np.array([columns.mean(), rows.mean()])


def test_keypoints_stand_in_their_colours_where_they_project(
    predictions: Predictions, picture: Path, renderer: str
) -> None:
    drawn = render(predictions, picture, style=replace(FRONT, renderer=renderer))
    tiles = np.split(pixels(picture), 5, axis=1)
    assert drawn.renderer == renderer
    assert (drawn.width, drawn.height) == (5 * tiles[0].shape[1], tiles[0].shape[0])
    found, expected = [], []
    for tile, cloud, keypoints in zip(tiles, predictions.points, predictions.keypoints, strict=True):
        centre = (cloud.min(axis=0) + cloud.max(axis=0)) / 2
        for keypoint, colour in zip(keypoints, keypoint_colours(4), strict=True):
            # The legend, in the last rows, shows the colours too.
            found.append(blob(tile[:-40], colour))
            expected.append((keypoint - centre)[:2] * [1, -1])
    places, wanted = np.array(found), np.array(expected)
    # One scale for all shapes; across, a shape's middle is its tile's.
    spread = wanted - wanted.mean(axis=0)
    scale = ((places - places.mean(axis=0)) * spread).sum() / (spread**2).sum()
    offset = (places - scale * wanted).mean(axis=0)
    assert scale > 60
    assert abs(offset[0] - tiles[0].shape[1] / 2) < 2
    assert np.abs(places - scale * wanted - offset).max() < 3


def test_a_keypoint_that_is_not_visible_is_hollow(
    predictions: Predictions, picture: Path, renderer: str
) -> None:
    style = replace(FRONT, columns=1, renderer=renderer)
    said = np.ones((5, 4), np.bool_)
    said[0, 0] = False
    coloured: list[list[NDArray[np.bool_]]] = []
    for visible in (None, said):
        render(replace(predictions, visible=visible), picture, ids=["egg-0"], style=style)
        # The tile comes first, the legend of two rows or less last.
        tile = pixels(picture)[:150]
        coloured.append([np.linalg.norm(tile - colour, axis=-1) < 0.12 for colour in keypoint_colours(4)])
    balls, rings = coloured
    rows, columns = np.nonzero(balls[0])
    middle = round(rows.mean()), round(columns.mean())
    # Around it there is colour on all sides, at the distance of the ball's rim.
    rows, columns = np.nonzero(rings[0])
    away = np.hypot(rows - middle[0], columns - middle[1])
    assert away.min() > 0.3 * np.sqrt(balls[0].sum() / np.pi)
    assert len(np.unique(np.arctan2(rows - middle[0], columns - middle[1]).round())) >= 5
    assert np.array_equal(balls[1], rings[1])


def test_shapes_differ_on_the_sheet(predictions: Predictions, picture: Path, renderer: str) -> None:
    render(predictions, picture, style=replace(FRONT, renderer=renderer))
    first, second = np.split(pixels(picture), 5, axis=1)[:2]
    assert np.abs(first - second).mean() > 0.01


def test_both_renderers_draw_the_same_picture(
    predictions: Predictions, tmp_path: Path, rendering: bool
) -> None:
    if not rendering:
        pytest.skip("pyvista does not render on this machine")
    style = replace(FRONT, edges=True, labels=True)
    render(predictions, tmp_path / "a.png", style=style)
    render(predictions, tmp_path / "b.png", style=replace(style, renderer="pyvista"))
    difference = np.abs(pixels(tmp_path / "a.png") - pixels(tmp_path / "b.png")).mean()
    assert 0.0001 < difference < 0.03


def test_edges_are_rods_between_their_keypoints(
    predictions: Predictions, tmp_path: Path, renderer: str
) -> None:
    style = replace(FRONT, columns=1, renderer=renderer)
    lines = {}
    for name, edges in (("with", True), ("without", False)):
        render(predictions, tmp_path / f"{name}.png", ids=["egg-0"], style=replace(style, edges=edges))
        lines[name] = pixels(tmp_path / f"{name}.png")
    ends = [blob(lines["without"][:-40], colour) for colour in keypoint_colours(4)]
    changed = np.abs(lines["with"] - lines["without"]).sum(axis=-1) > 0.2

    def drawn(first: int, second: int) -> float:
        along = np.linspace(0.3, 0.7, 21)[:, None]
        columns, rows = np.round(ends[first] + along * (ends[second] - ends[first])).astype(int).T
        near = [changed[rows + dy, columns + dx] for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
        return float(np.mean(np.any(near, axis=0)))

    # The weights of (0, 1), (1, 3) and (0, 2) are the strongest.
    assert min(drawn(0, 1), drawn(1, 3), drawn(0, 2)) > 0.8
    assert drawn(1, 2) < 0.5


def test_keypoints_that_coincide_are_drawn(predictions: Predictions, picture: Path, renderer: str) -> None:
    merged = replace(predictions, keypoints=np.zeros_like(predictions.keypoints))
    render(merged, picture, style=replace(FRONT, edges=True, renderer=renderer))
    assert blob(pixels(picture)[:-40, :240], keypoint_colours(4)[3]).shape == (2,)


def test_the_background_is_the_users(predictions: Predictions, picture: Path, renderer: str) -> None:
    render(predictions, picture, style=replace(FRONT, background="#102030", renderer=renderer))
    np.testing.assert_allclose(pixels(picture)[[0, -1], [0, -1]] * 255, [[16, 32, 48]] * 2, atol=1)


def test_the_same_predictions_give_the_same_bytes(predictions: Predictions, tmp_path: Path) -> None:
    for suffix in ("png", "svg", "pdf"):
        one, two = tmp_path / f"one.{suffix}", tmp_path / f"two.{suffix}"
        for path in (one, two):
            render(predictions, path, shapes=1, style=replace(FRONT, labels=True))
        assert one.read_bytes() == two.read_bytes()


def test_settings_of_matplotlib_change_nothing(predictions: Predictions, tmp_path: Path) -> None:
    render(predictions, tmp_path / "usual.png", style=FRONT)
    with matplotlib.rc_context({"savefig.dpi": 30, "font.size": 30, "savefig.bbox": "tight"}):
        render(predictions, tmp_path / "odd.png", style=FRONT)
        assert matplotlib.rcParams["savefig.dpi"] == 30
    assert (tmp_path / "usual.png").read_bytes() == (tmp_path / "odd.png").read_bytes()


def test_vectors_are_drawn_by_matplotlib_unasked(
    predictions: Predictions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "renders", lambda: pytest.fail("nobody needs to know"))
    style = replace(FRONT, renderer="auto")
    assert render(predictions, tmp_path / "a.svg", shapes=1, style=style).renderer == "matplotlib"
    assert (tmp_path / "a.svg").read_text().lstrip().startswith("<?xml")
    render(predictions, tmp_path / "a.PDF", shapes=1, style=style)
    assert (tmp_path / "a.PDF").read_bytes().startswith(b"%PDF")


def test_without_graphics_matplotlib_draws_and_says_what_is_missing(
    predictions: Predictions, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "renders", lambda: False)
    drawn = render(predictions, picture, style=replace(FRONT, renderer="auto"))
    assert drawn.renderer == "matplotlib"
    assert "libegl1" in drawn.note
    assert picture.stat().st_size > 1000


def test_pyvista_asked_for_where_it_does_not_render_is_an_error(
    predictions: Predictions, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "renders", lambda: False)
    with pytest.raises(KgError, match="cannot render") as error:
        render(predictions, picture, style=replace(FRONT, renderer="pyvista"))
    assert "libegl1" in error.value.hint
    assert not picture.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"renderer": "opengl"}, "no renderer 'opengl'"),
        ({"background": "blurple"}, "'blurple' is no colour"),
        ({"view": "sideways"}, "'sideways' is no view"),
        ({"up": "w"}, "'w' is no axis"),
        ({"size": 7000}, "35000 × "),
    ],
)
def test_options_that_make_no_sense_are_named(
    predictions: Predictions, picture: Path, change: dict[str, str], message: str
) -> None:
    with pytest.raises(KgError, match=message):
        render(predictions, picture, style=replace(FRONT, **change))  # type: ignore[arg-type]
    assert not picture.exists()


def test_another_suffix_is_refused_and_nothing_written(predictions: Predictions, tmp_path: Path) -> None:
    with pytest.raises(KgError, match=r"a\.gif is no kind of picture") as error:
        render(predictions, tmp_path / "a.gif", style=FRONT)
    assert ".png, .svg or .pdf" in error.value.hint
    assert list(tmp_path.glob("*.gif")) == []


def test_coordinates_that_are_no_numbers_are_refused(predictions: Predictions, picture: Path) -> None:
    keypoints = predictions.keypoints.copy()
    keypoints[2, 0, 0] = np.nan
    with pytest.raises(KgError, match="egg-2"):
        render(replace(predictions, keypoints=keypoints), picture, style=FRONT)


def test_no_shapes_are_refused(predictions: Predictions, picture: Path) -> None:
    with pytest.raises(KgError, match="hold no shapes"):
        render(replace(predictions, ids=predictions.ids[:0]), picture, style=FRONT)


def test_shapes_are_evenly_chosen_or_named() -> None:
    ids = [f"shape-{number:02}" for number in range(31)]
    assert choose_shapes(ids, 4) == [0, 10, 20, 30]
    assert choose_shapes(ids[:3], 12) == [0, 1, 2]
    assert choose_shapes(ids, 1) == [0]
    assert choose_shapes(ids, 2, ["shape-07", "shape-03", "shape-07"]) == [7, 3, 7]
    with pytest.raises(KgError, match="'shape-7' among the 31") as error:
        choose_shapes(ids, 2, ["shape-7"])
    assert "shape-07" in error.value.hint


def test_up_is_what_the_store_of_the_predictions_knows(predictions: Predictions, tmp_path: Path) -> None:
    """Eggs, said to be simulated: unless the user says otherwise, z is up."""
    clouds = Clouds(
        ids=predictions.ids.tolist(),
        objects=predictions.objects.tolist(),
        frame=np.zeros(5, np.int32),
        points=predictions.points,
        scale=predictions.scale,
        offset=predictions.offset,
    )
    splits = {"object": ["train"] * 5, "frame": ["train"] * 5}
    facts = {"dataset": "d", "category": "egg", "variant": "v", "unit": "metre", "landmark_names": {}}
    drawn = {}
    for deform in (None, {"seconds": 1.0}):
        store = tmp_path / f"{deform is None}.h5"
        write_store(store, [clouds], splits, **facts, provenance={"options": {"deform": deform}})  # type: ignore[arg-type]
        meta = {"store": {"path": str(store), "checksum": Store(store).checksum}}
        for up in (None, "y", "z"):
            path = tmp_path / "a.png"
            render(replace(predictions, meta=meta), path, style=replace(FRONT, up=up))
            drawn[deform is None, up] = path.read_bytes()
    assert drawn[True, None] == drawn[True, "y"] == drawn[False, "y"]
    assert drawn[False, None] == drawn[False, "z"] != drawn[False, "y"]


def test_clouds_alone_make_a_sheet(predictions: Predictions, picture: Path, renderer: str) -> None:
    clouds = [cloud[:count] for cloud, count in zip(predictions.points, (400, 100, 20), strict=False)]
    drawn = contact_sheet(clouds, picture, ["a", "b", "c"], replace(FRONT, labels=True, renderer=renderer))
    assert drawn.ids == ("a", "b", "c")
    ink = [(tile < 0.9).mean() for tile in np.split(pixels(picture), 3, axis=1)]
    assert min(ink) > 0.002


def test_a_window_needs_a_display_and_pyvista(
    predictions: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KgError, match="by pyvista"):
        show(predictions, style=FRONT)
    monkeypatch.setattr(probe, "has_display", lambda: False)
    with pytest.raises(KgError, match="no display") as error:
        show(predictions)
    assert "-o" in error.value.hint
    monkeypatch.setattr(probe, "has_display", lambda: True)
    monkeypatch.setattr(probe, "renders", lambda: False)
    with pytest.raises(KgError, match="cannot render"):
        show(predictions)


def test_a_window_shows_one_view_for_each_shape(predictions: Predictions, rendering: bool) -> None:
    if not rendering:
        pytest.skip("pyvista does not render on this machine")
    from kg.viz import pyvista_drawing

    shapes = [
        Shape(f"egg-{number}", predictions.points[number], predictions.keypoints[number], np.ones(1))
        for number in range(3)
    ]
    scene = make_scene(shapes, np.array([[0, 1]]), View(0, 0), np.ones(3))
    with probe.headless():
        plotter = pyvista_drawing.window(scene, columns=2, size=(150, 150), labels=True, off_screen=True)
    plotter.show(auto_close=False)
    views = np.asarray(plotter.screenshot(return_img=True), dtype=np.float64) / 255
    plotter.close()
    assert views.shape == (300, 300, 3)
    cells = [views[:150, :150], views[:150, 150:], views[150:, :150], views[150:, 150:]]
    assert [(cell < 0.9).mean() > 0.01 for cell in cells] == [True, True, True, False]
    with pyvista_drawing.Photographer(scene, (150, 150)) as photographer:
        lone = [photographer.photograph(shape) / 255 for shape in scene.shapes]
    # The same light falls in every view: the lights of one must not shine into the others.
    for cell, one in zip(cells, lone, strict=False):
        shown = one < 0.95
        assert cell[shown].mean() == pytest.approx(one[shown].mean(), abs=0.08)


def test_importing_it_imports_nothing_heavy() -> None:
    program = (
        "import sys, kg.viz, kg.cli.viz; heavy = {'pyvista', 'vtkmodules', 'matplotlib', 'torch'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_a_sheet_colours_points_by_the_places_that_are_said(predictions: Predictions, picture: Path) -> None:
    bare = replace(predictions, keypoints=predictions.keypoints[:, :0], edge_pairs=predictions.edge_pairs[:0])
    bare = replace(bare, edges=predictions.edges[:, :0])

    def colourful(said: Predictions) -> float:
        render(said, picture, style=FRONT)
        return float(np.ptp(pixels(picture), axis=-1).max())

    rest = predictions.points / np.abs(predictions.points).max()
    assert colourful(replace(bare, rest=rest)) > colourful(bare) + 0.15
