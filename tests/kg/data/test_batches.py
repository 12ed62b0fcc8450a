"""Batches of sequences."""

from kg.data.batches import consecutive, shuffled


def test_frames_of_one_object_stay_together_and_in_order():
    objects = ["b", "a", "b", "a", "b", "a", "b"]
    frames = [2, 0, 0, 2, 1, 1, 3]
    batches = consecutive(objects, frames, 3)
    assert [batch.tolist() for batch in batches] == [[1, 5, 3], [2, 4, 0], [6]]
    assert consecutive([], [], 3) == []


def test_an_epoch_has_each_batch_once_in_an_order_of_its_own():
    batches = consecutive([f"{number:02d}" for number in range(9)], [0] * 9, 2)
    orders = [[batch.tolist() for batch in shuffled(batches, 5, epoch)] for epoch in (0, 1, 0)]
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[1]) == [[number] for number in range(9)]
