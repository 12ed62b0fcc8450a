import numpy as np
import pytest
import torch

from kg.config import ModelConfig, TrainConfig
from kg.errors import KgError
from kg.inference.predictor import Predictor
from kg.inference.shapes import predict_store
from kg.model import Examples
from kg.train import runs, train
from kg_detectors.extremal import Extremal


def examples(points):
    names = [str(row) for row in range(len(points))]
    return Examples(points, None, None, names, [0] * len(points), None, None, {}, ["thing"] * len(points))


def boxes(rows=6, seed=0):
    """Surfaces of boxes of all proportions, (rows, 602, 3), and their corners, (rows, 8, 3)."""
    maker = torch.Generator().manual_seed(seed)
    side = torch.linspace(-1, 1, 11)
    grid = torch.cartesian_prod(side, side, side)
    surface = grid[grid.abs().amax(1) == 1]
    sizes = torch.rand(rows, 1, 3, generator=maker) * 0.8 + 0.2
    corners = surface[surface.abs().sum(1) == 3]
    return surface * sizes, corners * sizes


def made(keypoints, **options):
    return Extremal(ModelConfig(keypoints=keypoints), TrainConfig(), **options)


def test_it_finds_the_corners_of_boxes_it_has_never_seen():
    detector = made(8)
    detector.fit(examples(boxes()[0]))
    clouds, corners = boxes(seed=1)
    found = detector.find(clouds)
    torch.testing.assert_close(found.keypoints, clouds[torch.arange(6)[:, None], found.indices])
    away = torch.cdist(found.keypoints, corners)
    torch.testing.assert_close(away.amin(2), torch.zeros(6, 8), atol=1e-6, rtol=0)
    # The same corner by the same number on each.
    which = away.argmin(2)
    assert torch.equal(which, which[:1].expand(6, -1))
    assert len(set(which[0].tolist())) == 8


def test_proportions_and_places_of_a_cloud_do_not_matter():
    clouds = boxes()[0]
    detector = made(10)
    detector.fit(examples(clouds))
    moved = clouds * torch.tensor([2.0, 1, 0.5]) + 3
    assert torch.equal(detector.find(moved).indices, detector.find(clouds).indices)


def test_confidence_falls_with_the_difference():
    clouds = boxes()[0]
    detector = made(8)
    detector.fit(examples(clouds))
    other = torch.rand(1, 602, 3, generator=torch.Generator().manual_seed(2))
    found = detector.find(clouds).confidences
    assert (found <= 1).all()
    assert detector.find(other).confidences.mean() < found.mean()


def test_there_are_28_anchors_and_options_are_read():
    made(28).check()
    made(14, kinds="1").check()
    with pytest.raises(KgError, match="28 extremal anchors"):
        made(29).check()
    with pytest.raises(KgError, match="14 extremal anchors"):
        made(15, kinds="1").check()
    with pytest.raises(KgError, match=r"detector\.kinds"):
        made(8, kinds="3")
    with pytest.raises(KgError, match=r"detector\.detail"):
        made(8, detail="much")


def test_where_too_few_lie_apart_each_direction_has_two_kinds():
    # Of boxes, the farthest points along all directions are corners: eight places, and no ninth.
    clouds = boxes()[0]
    for keypoints, kinds in ((8, "1"), (9, "2"), (28, "2")):
        auto, named = made(keypoints), made(keypoints, kinds=kinds)
        for detector in (auto, named):
            detector.fit(examples(clouds))
        assert torch.equal(auto.anchors, named.anchors)
        assert auto.find(clouds).keypoints.shape[1] == keypoints


def test_corners_that_many_boxes_lack_are_keypoints_beside_those_that_they_have_instead():
    clouds = boxes(rows=20)[0]
    # A quarter is cut out of eight boxes of twenty, at one edge: two new corners.
    sizes = clouds.amax(1, keepdim=True)
    cut = (clouds[:8] / sizes[:8])[..., :2].amin(2) > 0
    clouds[:8] = torch.where(cut[..., None], sizes[:8] * torch.tensor([0, 0, 1.0]), clouds[:8])
    detector, one = made(10), made(10, kinds="1")
    for each in (detector, one):
        each.fit(examples(clouds))
    corners = torch.tensor([[1.0, 1, 1], [0, 1, 1]])
    both, single = (torch.cdist(corners, each.anchors[:, :3]).amin(1) for each in (detector, one))
    assert (both < 0.2).all()
    assert single.max() > 0.2


def test_it_chooses_the_corners_of_boxes_and_as_many_as_there_are():
    detector = made(3)
    candidates = detector.choose(examples(boxes()[0]), examples(boxes(seed=1)[0]))
    assert len(candidates) == 28
    kept = torch.tensor([each.place for each in candidates if each.kept])
    torch.testing.assert_close(kept, detector.anchors[:, :3])
    clouds, corners = boxes(seed=2)
    found = detector.find(clouds).keypoints
    assert found.shape[1] == len(kept) >= 8
    torch.testing.assert_close(torch.cdist(corners, found).amin(2), torch.zeros(6, 8), atol=1e-6, rtol=0)


def test_nothing_is_chosen_on_one_shape():
    one = examples(boxes(rows=1)[0])
    with pytest.raises(KgError, match="Fewer than two"):
        made(8).choose(one, examples(torch.zeros(0, 602, 3)))


def test_a_run_keeps_it(tiny_config):
    config = tiny_config.override("detector", "extremal").override("epochs", "1")
    folder = runs.new_run(config, "extremal")
    train(config, folder, torch.device("cpu"))
    detector = Predictor.load(folder, "best", torch.device("cpu"))
    assert detector.checkpoint.model.anchors.abs().sum() > 0
    found = predict_store(detector)
    away = np.linalg.norm(found.points[:, None] - found.keypoints[:, :, None], axis=3).min(2)
    np.testing.assert_allclose(away, 0, atol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_it_learns_from_examples_that_lie_on_the_cpu():
    here, there = made(8), made(8).to("cuda")
    clouds = boxes()[0]
    here.fit(examples(clouds))
    there.fit(examples(clouds))
    torch.testing.assert_close(there.anchors.cpu(), here.anchors)
    assert torch.equal(there.find(clouds.cuda()).indices.cpu(), here.find(clouds).indices)
    candidates = there.choose(examples(clouds), examples(boxes(seed=1)[0]))
    assert len(there.anchors) == sum(each.kept for each in candidates)
