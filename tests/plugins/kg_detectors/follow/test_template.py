"""The template: places of one object, and ways along it."""

import numpy as np
import pytest

from kg_detectors.follow.template import Template, make_template


@pytest.fixture
def template(examples):
    return make_template(examples.rest.numpy(), examples.boxes.numpy(), examples.objects, 300, 500)


def test_its_places_are_of_the_object_and_its_box_is_the_mean(examples, template):
    own = examples.rest.numpy().reshape(-1, 3)
    assert all(np.abs(own - place).max(1).min() < 1e-6 for place in template.places)
    np.testing.assert_allclose(template.extent, [0.8, 0.6, 0.02], rtol=1e-6)
    np.testing.assert_array_equal(template.surface[:300], template.places)


def test_the_object_of_the_most_usual_proportions_is_taken(examples):
    boxes = np.array([[1.0, 1, 0.1]] * 4 + [[2.0, 1, 0.1]] * 4 + [[1.4, 1, 0.1]] * 4)
    rest = examples.rest.numpy().copy()
    rest[8:, :, 1] = -0.5  # the third object is told by this
    made = make_template(rest, boxes, examples.objects, 20, 20)
    assert (made.places[:, 1] == -0.5).all()
    np.testing.assert_allclose(made.extent, [4.4 / 3, 1, 0.1])


def test_a_way_on_one_layer_is_about_straight(template):
    diagonal = np.linalg.norm(template.extent)
    metres = template.places * template.extent / 2
    same = template.places[:, None, 2] == template.places[None, :, 2]
    straight = np.linalg.norm(metres[:, None] - metres, axis=2) / diagonal
    assert (template.ways >= straight - 1e-6).all()
    assert template.ways[same].mean() < 1.15 * straight[same].mean()
    np.testing.assert_allclose(template.ways, template.ways.T, atol=1e-9)


def test_pieces_that_no_way_joins_are_measured_straight():
    rest = np.array(
        [[[-1.0, y, 0] for y in np.linspace(-1, 1, 10)] + [[1.0, y, 0] for y in np.linspace(-1, 1, 10)]]
    )
    made = make_template(rest, np.array([[100.0, 1, 0]]), ["one"], 20, 20)
    assert np.isfinite(made.ways).all()
    assert made.ways.max() == pytest.approx(1, rel=1e-2)


def test_an_object_of_few_samples_fills_its_places_with_copies():
    made = make_template(np.zeros((1, 5, 3)) + np.arange(5)[:, None] / 5, np.ones((1, 3)), ["one"], 12, 15)
    assert made.places.shape == (12, 3)
    assert made.ways.shape == (12, 12)
    assert made.surface.shape == (15, 3)


def pillow():
    """Two layers, joined at their edge: a way to the other layer is the way to the edge and back."""
    x, y = (values.ravel() for values in np.meshgrid(np.linspace(-1, 1, 15), np.linspace(-1, 1, 15)))
    places = np.concatenate([np.column_stack([x, y, np.full_like(x, side)]) for side in (-1, 1)])
    edge = 1 - np.abs(places[:, :2]).max(1)
    flat = np.linalg.norm(places[:, None, :2] - places[None, :, :2], axis=2) / 2
    across = (edge[:, None] + edge) / 2 + flat
    ways = np.where(places[:, None, 2] == places[None, :, 2], flat, across)
    return Template(places, places, np.array([1.0, 1, 0.02]), ways)


def test_a_mistake_of_the_layer_costs_the_way_around_the_edge():
    made = pillow()
    np.testing.assert_allclose(made.cost_of_layers(), 1 - np.abs(made.places[:, :2]).max(1), atol=1e-12)


def test_keypoints_are_spread_over_the_edge():
    made = pillow()
    chosen = made.spread(8, made.cost_of_layers(), 0.25)
    assert len(set(chosen.tolist())) == 8
    assert np.abs(made.places[chosen, :2]).max(1).min() > 0.8
    corners = [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    seen = made.places[chosen, :2].tolist()
    assert all(corner in seen for corner in corners)


def test_where_no_axis_is_thin_every_place_will_do():
    rng = np.random.default_rng(0)
    places = rng.uniform(-1, 1, (50, 3))
    made = Template(places, places, np.ones(3), np.ones((50, 50)))
    assert not made.cost_of_layers().any()
    assert len(set(made.spread(12, made.cost_of_layers(), 0.25).tolist())) == 12


def test_the_nearest_place_is_of_the_same_layer():
    made = pillow()
    assert made.nearest(made.places).tolist() == list(range(len(made.places)))
    moved = made.places + np.array([0.03, -0.03, 0])
    assert made.nearest(moved).tolist() == list(range(len(made.places)))
