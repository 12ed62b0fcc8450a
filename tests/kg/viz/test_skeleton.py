from dataclasses import replace

import numpy as np
import pytest

from kg.inference.predictions import Predictions
from kg.viz.skeleton import choose_edges


def with_skeleton(predictions: Predictions, keypoints: int, weights: np.ndarray) -> Predictions:
    rng = np.random.default_rng(1)
    return replace(
        predictions,
        keypoints=rng.normal(size=(5, keypoints, 3)).astype(np.float32),
        edge_pairs=np.stack(np.triu_indices(keypoints, 1), axis=1),
        edges=np.broadcast_to(weights, (5, keypoints * (keypoints - 1) // 2)).astype(np.float32),
    )


def cheapest_tree(predictions: Predictions, costs: np.ndarray) -> set[tuple[int, int]]:
    """Prim's algorithm: the cheapest edge that leaves what is reached, again and again."""
    pairs = [(int(a), int(b)) for a, b in predictions.edge_pairs]
    reached, tree = {0}, set[tuple[int, int]]()
    while len(reached) < predictions.keypoints.shape[1]:
        leaving = [edge for edge, (a, b) in enumerate(pairs) if (a in reached) != (b in reached)]
        pair = pairs[min(leaving, key=lambda edge: costs[edge])]
        tree.add(pair)
        reached |= set(pair)
    return tree


def chosen(predictions: Predictions) -> set[tuple[int, int]]:
    return {(int(a), int(b)) for a, b in predictions.edge_pairs[choose_edges(predictions)]}


@pytest.mark.parametrize("seed", range(5))
def test_the_default_is_the_maximum_spanning_tree(predictions: Predictions, seed: int) -> None:
    weights = np.random.default_rng(seed).permutation(21) * 0.04 + 0.1
    made = with_skeleton(predictions, 7, weights)
    assert chosen(made) == cheapest_tree(made, 2 - weights)


def test_weights_that_say_nothing_give_the_shortest_tree(predictions: Predictions) -> None:
    made = with_skeleton(predictions, 7, 0.5 + np.random.default_rng(0).uniform(-0.002, 0.002, 21))
    pairs = made.keypoints[:, made.edge_pairs]
    lengths = np.linalg.norm(pairs[:, :, 0] - pairs[:, :, 1], axis=-1).mean(axis=0)
    assert chosen(made) == cheapest_tree(made, lengths)


def test_the_mean_over_the_shapes_decides(predictions: Predictions) -> None:
    edges = predictions.edges.copy()
    edges[0] = [0, 0, 1, 1, 0, 1]
    assert chosen(replace(predictions, edges=edges)) == {(0, 1), (0, 2), (1, 3)}


def test_a_threshold_takes_all_that_reach_it(predictions: Predictions) -> None:
    assert choose_edges(predictions, 0.7).tolist() == [0, 1, 4]
    assert choose_edges(predictions, 1.0).tolist() == []


def test_one_keypoint_has_no_edges(predictions: Predictions) -> None:
    assert choose_edges(with_skeleton(predictions, 1, np.empty(0))).tolist() == []
