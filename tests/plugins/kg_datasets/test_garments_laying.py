"""Garments that lie down."""

import numpy as np
import pytest
from scipy.sparse import coo_array, eye_array
from scipy.spatial import cKDTree

from kg.data.film import film_height
from kg_datasets.garments import CATEGORIES, lay, sew
from kg_datasets.garments.covers import KEPT, RISE, covers
from kg_datasets.garments.curves import line
from kg_datasets.garments.half import Edge
from kg_datasets.garments.joining import two_layers
from kg_datasets.garments.layers import BILLOWS, HIGHEST, heights


@pytest.fixture(scope="module", params=CATEGORIES)
def laid(request):
    """Four garments of a category, and where their vertices lie."""
    made = []
    for seed in range(4):
        rng = np.random.default_rng([1, seed])
        garment = sew(CATEGORIES[request.param].draw(rng).pattern(rng))
        made.append((garment, lay(garment, rng)))
    return made


def lengths(points, edges):
    return np.linalg.norm(points[edges[:, 1]] - points[edges[:, 0]], axis=1)


def tube(width, length):
    """A pattern that is open at top and bottom and sewn at its sides."""
    corners = np.array([[0, 0], [width, 0], [width, length], [0, length]])
    low, right, high, left = (line(a, b) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True))
    return two_layers((Edge("a", low, low), Edge("b", right), Edge("c", high, high), Edge("d", left)))


@pytest.mark.parametrize("width", [0.2, 0.4, 0.7])
def test_the_film_over_a_tube_is_that_of_the_formula(width):
    garment = sew(tube(width, 0.5))
    x = garment.flat[:, 0]
    # ∇²u = -1 between two lines is u = x (w - x) / 2, whatever the length: the ends are free.
    # The worst error measured is 0.7% of the middle's value, on the narrowest.
    height = film_height(garment.flat, garment.faces, garment.side == 0)
    assert height == pytest.approx(x * (width - x) / 2, abs=0.015 * width**2 / 8)


def test_layers_part_upwards_and_downwards_within_bounds():
    garment = sew(tube(0.5, 0.5))
    height = heights(garment, np.random.default_rng(0))
    assert (np.sign(height) == garment.side).all()
    assert np.abs(height).max() < HIGHEST * (1 + BILLOWS)
    assert np.abs(height).max() > HIGHEST / 2


def test_cloth_keeps_its_lengths(laid):
    for garment, points in laid:
        strain = lengths(points, garment.edges) / lengths(garment.flat, garment.edges) - 1
        # Over 240 garments of each category: medians within 1%, 95% of edges within 2.7% on average and
        # 5% at worst; up to 26% at single edges in a crotch or an armpit, 32% on a collar's seam.
        assert abs(np.median(strain)) < 0.012
        assert np.quantile(np.abs(strain), 0.95) < 0.055
        assert np.abs(strain).max() < 0.4


def test_front_lies_over_back(laid):
    for garment, points in laid:
        if not garment.side.any():
            pytest.skip("It has one layer.")
        front, back = np.flatnonzero(garment.side == 1), np.flatnonzero(garment.side == -1)
        distance = np.linalg.norm(garment.flat[back, None] - garment.flat[front], axis=-1)
        near = distance.min(axis=1) < garment.edge / 2
        gap = points[front[distance.argmin(axis=1)], 2] - points[back, 2]
        assert near.mean() > 0.4
        assert gap[near].min() > 0.003


def test_it_lies_the_same_way_round_and_roughly_flat(laid):
    for garment, points in laid:
        assert points.min(axis=0) + points.max(axis=0) == pytest.approx(0, abs=1e-12)
        thinnest = 0.03 if garment.side.any() else 0.002
        assert thinnest < np.ptp(points[:, 2]) < 0.32
        # The best rotation of the pattern onto the shape, in the plane, is a few degrees.
        flat, seen = garment.flat - garment.flat.mean(axis=0), points[:, :2] - points[:, :2].mean(axis=0)
        across = (flat[:, 0] * seen[:, 1] - flat[:, 1] * seen[:, 0]).sum()
        assert abs(np.degrees(np.arctan2(across, (flat * seen).sum()))) < 8
        for name, vertex in garment.landmarks.items():
            if name.startswith("left"):
                other = garment.landmarks[name.replace("left", "right")]
                assert points[vertex, 0] > points[other, 0], name


def test_no_two_lie_alike():
    garment = sew(CATEGORIES["shirt"].middle().pattern())
    ways = [lay(garment, np.random.default_rng(seed)) for seed in range(4)]
    for number, way in enumerate(ways):
        for other in ways[:number]:
            assert np.linalg.norm(way - other, axis=1).mean() > 0.005


def test_a_sleeve_that_moves_stays_joined():
    garment = sew(CATEGORIES["shirt"].middle().pattern())
    inside = np.stack([limb.contains(garment.flat) for limb in garment.limbs])
    assert not inside.all(axis=0).any()
    cuffs = [garment.landmarks[f"{side} cuff top"] for side in ("left", "right")]
    assert inside[:, cuffs].tolist() == [[True, False], [False, True]]
    # What parts a sleeve from the rest is a line across it from the armpit, not the side seam.
    crossing = garment.edges[inside[0][garment.edges].sum(axis=1) == 1]
    limb = garment.limbs[0]
    assert (np.abs((garment.flat[crossing] - limb.corner) @ limb.along) < 0.031).all()


def crossings(points, faces):
    """Return the pairs of triangles (P, 2) that pass through each other: an edge of one through the other.

    An edge that only touches, as neighbours do along theirs, is none.
    """
    corners = points[faces]
    middles = corners.mean(axis=1)
    radii = np.linalg.norm(corners - middles[:, None], axis=-1).max(axis=1)
    pairs = cKDTree(middles).query_pairs(2 * radii.max(), output_type="ndarray")
    apart = np.linalg.norm(middles[pairs[:, 0]] - middles[pairs[:, 1]], axis=1)
    pairs = pairs[apart < radii[pairs].sum(axis=1)]
    hit = np.zeros(len(pairs), dtype=bool)
    for one, other in (pairs.T, pairs.T[::-1]):
        for corner in range(3):
            start, end = corners[one, corner], corners[one, corner - 2]
            hit |= pierces(start, end - start, corners[other])
    return pairs[hit]


def pierces(start, way, triangles):
    """Which segments pass through the inside of the triangle beside them (Möller and Trumbore)."""
    origin = triangles[:, 0]
    one, other = triangles[:, 1] - origin, triangles[:, 2] - origin
    across = np.cross(way, other)
    scale = (one * across).sum(axis=1)
    level = np.abs(scale) < 1e-15
    scale = np.where(level, np.inf, scale)
    u = ((start - origin) * across).sum(axis=1) / scale
    turned = np.cross(start - origin, one)
    v, t = (way * turned).sum(axis=1) / scale, (other * turned).sum(axis=1) / scale
    least = np.min([u, v, 1 - u - v, t, 1 - t], axis=0)
    return ~level & (least > 1e-9)


def test_crossings_are_found():
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0.2, 0.2, -1], [0.3, 0.2, 1], [0.2, 0.3, 1]])
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    assert crossings(points, faces).tolist() == [[0, 1]]
    assert len(crossings(points + np.repeat([[0], [2]], 3, axis=0), faces)) == 0
    # Neighbours along an edge, however sharply folded, do not cross.
    assert len(crossings(points, np.array([[0, 1, 2], [1, 0, 3]]))) == 0


def test_no_garment_passes_through_itself(laid):
    # Nor did any of 240 of each category.
    for garment, points in laid:
        assert len(crossings(points, garment.faces)) == 0


def test_layers_keep_apart(laid):
    for garment, points in laid:
        count = len(points)
        start, end = garment.edges.T
        ones = np.ones(len(start))
        beside = coo_array((ones, (start, end)), (count, count)).tocsr()
        beside = beside + beside.T + eye_array(count)
        near = cKDTree(points).query_pairs(0.003, output_type="ndarray")
        # What is not within two edges along the cloth is another layer: at least 3 mm away.
        steps = (beside @ beside).tocsr()[near[:, 0], near[:, 1]]
        assert steps.nnz == len(near)


@pytest.mark.parametrize("category", ["jacket", "polo"])
def test_a_collar_lies_upon_front_and_back(category):
    rng = np.random.default_rng(0)
    garment = sew(CATEGORIES[category].draw(rng).pattern(rng))
    points = lay(garment, rng)
    for cover, way in zip(covers(garment), (1, -1), strict=True):
        above = way * (points[cover.vertices, 2] - cover.below(points[:, 2]))
        inner = cover.rise != 0
        assert (np.sign(cover.rise[inner]) == way).all()
        assert (above[inner] > KEPT * RISE * 0.5).all()
        assert np.median(above[inner]) < 0.02
        # Below each is the layer's own place with the same coordinates, where the layer reaches so far.
        places = np.stack([cover.below(axis) for axis in garment.flat.T], axis=1)
        away = np.linalg.norm(places - garment.flat[cover.vertices], axis=1)
        assert np.median(away) < 1e-9
        assert away.max() < 0.05


def test_a_garment_without_a_collar_has_no_covers():
    assert covers(sew(CATEGORIES["shirt"].middle().pattern())) == []
