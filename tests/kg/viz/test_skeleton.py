from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree

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


def scipy_tree(predictions: Predictions, costs: np.ndarray) -> set[tuple[int, int]]:
    size = predictions.keypoints.shape[1]
    graph = np.zeros((size, size))
    graph[tuple(predictions.edge_pairs.T)] = costs
    return {(int(a), int(b)) for a, b in zip(*minimum_spanning_tree(graph).nonzero(), strict=True)}


def chosen(predictions: Predictions) -> set[tuple[int, int]]:
    return {(int(a), int(b)) for a, b in predictions.edge_pairs[choose_edges(predictions)]}


@pytest.mark.parametrize("seed", range(5))
def test_the_default_is_the_maximum_spanning_tree(predictions: Predictions, seed: int) -> None:
    weights = np.random.default_rng(seed).permutation(21) * 0.04 + 0.1
    made = with_skeleton(predictions, 7, weights)
    assert chosen(made) == scipy_tree(made, 2 - weights)


def test_weights_that_say_nothing_give_the_shortest_tree(predictions: Predictions) -> None:
    made = with_skeleton(predictions, 7, 0.5 + np.random.default_rng(0).uniform(-0.002, 0.002, 21))
    pairs = made.keypoints[:, made.edge_pairs]
    lengths = np.linalg.norm(pairs[:, :, 0] - pairs[:, :, 1], axis=-1).mean(axis=0)
    assert chosen(made) == scipy_tree(made, lengths)


def test_the_mean_over_the_shapes_decides(predictions: Predictions) -> None:
    edges = predictions.edges.copy()
    edges[0] = [0, 0, 1, 1, 0, 1]
    assert chosen(replace(predictions, edges=edges)) == {(0, 1), (0, 2), (1, 3)}


def test_a_threshold_takes_all_that_reach_it(predictions: Predictions) -> None:
    assert choose_edges(predictions, 0.7).tolist() == [0, 1, 4]
    assert choose_edges(predictions, 1.0).tolist() == []


def test_one_keypoint_has_no_edges(predictions: Predictions) -> None:
    assert choose_edges(with_skeleton(predictions, 1, np.empty(0))).tolist() == []
