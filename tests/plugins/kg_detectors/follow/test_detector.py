"""The detector that follows the material."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kg import plugins
from kg.config import Config, ModelConfig, TrainConfig
from kg.config.recipe import Recipe
from kg.data import Store
from kg.errors import KgError
from kg.model import Batch
from kg.model.checkpoint import save_checkpoint
from kg.model.making import make_detector
from kg.model.normalisation import normalised
from kg.model.turns import STEPS, about_vertical, tilts
from kg.train.step import Step
from kg_detectors.follow import Follow
from kg_detectors.follow.anchors import landmark_places
from kg_detectors.follow.bins import likelihood
from kg_detectors.follow.calibration import TEMPERATURES
from kg_detectors.follow.detector import Seen
from kg_detectors.follow.lies import LIES, known_lies, lie_rotations, likeness, turned_back
from kg_detectors.follow.readout import VISIBLE

WIDE = 0.8
"""Of the bags at rest."""

MODEL = ModelConfig(detector="follow", keypoints=4, backbone="tiny", normalisation="longest-side")
OPTIONS = TrainConfig(optimizer="adamw", gradient_norm=1.0)


@pytest.fixture
def follow(tiny_backbone, examples):
    torch.manual_seed(0)
    model = Follow(MODEL, OPTIONS)
    model.fit(examples)
    return model


def test_it_is_found_by_its_entry_point():
    assert plugins.DETECTORS.load("follow") is Follow
    assert isinstance(make_detector(replace(MODEL, backbone="layered"), OPTIONS), Follow)


@pytest.mark.parametrize("options", [{"anchors": "corners"}, {"mirror": "left"}, {"symmetry": "all"}])
def test_options_that_are_none_are_refused(tiny_backbone, options):
    with pytest.raises(KgError, match="must be"):
        Follow(MODEL, OPTIONS, **options).check()


def test_it_learns_where_points_lie(follow, examples):
    step = Step(follow, OPTIONS)
    torch.manual_seed(1)
    steps = [step.run(examples.batch(), 5e-3, 0, number) for number in range(40)]
    first, last = (
        [terms["anyhow"], sum(terms[f"rest_{axis}"] for axis in "xyz")] for terms in (steps[0], steps[-1])
    )
    assert np.less(last, np.multiply(first, 0.8)).all()
    assert first == pytest.approx([3 * np.log(32)] * 2, rel=0.1)


def test_keypoints_are_points_of_the_cloud_and_what_is_said_of_them_is_possible(follow, examples):
    points = examples.points[:3]
    with torch.no_grad():
        found = follow.eval().find(points)
    assert found.keypoints.shape == (3, 4, 3)
    assert torch.equal(found.keypoints, points.gather(1, found.indices[..., None].expand(-1, -1, 3)))
    assert ((found.confidences >= 0) & (found.confidences <= 1)).all()
    assert found.rest is not None
    assert found.rest.abs().max() <= 1


def test_the_order_of_the_points_does_not_matter(follow, examples):
    points = examples.points[:2]
    order = torch.randperm(points.shape[1], generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        one, other = follow.eval().find(points), follow.find(points[:, order])
    torch.testing.assert_close(one.keypoints, other.keypoints)
    assert one.rest is not None
    torch.testing.assert_close(one.rest[:, order], other.rest)


def test_a_detector_that_knows_all_finds_the_anchors(follow, examples, monkeypatch):
    rest = examples.rest

    def known(points, category):
        # Each point's own bins, whatever the order that it came in.
        nearest = torch.cdist(points, examples.points[: len(points)]).argmin(2)
        true = rest[: len(points)].gather(1, nearest[..., None].expand(-1, -1, 3))
        bins = -((true[..., None] - torch.linspace(-1, 1, 32)) / 0.05).square()
        return Seen(
            bins,
            bins,
            torch.zeros(len(points), LIES),
            None,
            torch.zeros(len(points), dtype=torch.int64),
        )

    monkeypatch.setattr(follow, "forward", known)
    found = follow.eval().find(examples.points)
    at = rest.gather(1, found.indices[..., None].expand(-1, -1, 3))
    away = (at - follow.anchors) * follow.boxes / follow.boxes.norm() / 2
    # 600 points of two layers lie a twentieth of the box apart.
    assert away[..., :2].norm(dim=2).max() < 0.1
    assert found.confidences.mean() > 0.7
    assert torch.equal(found.visible, found.confidences >= VISIBLE)
    # Without the points around an anchor it is not visible, and no other is lost.
    hidden = (rest[0] - follow.anchors[0, 0]).mul(follow.boxes / follow.boxes.norm() / 2).norm(dim=1) < 0.12
    kept = torch.where(hidden, (~hidden).nonzero()[0], torch.arange(rest.shape[1]))
    partial = follow.find(examples.points[:1, kept])
    assert found.visible[0].tolist() == [True, *partial.visible[0, 1:].tolist()]
    assert not partial.visible[0, 0]


def test_mirrored_clouds_have_mirrored_places(follow, examples):
    torch.manual_seed(2)
    batch = examples.batch()
    points, rest, *_ = follow._varied(batch)
    mirrored = (rest[:, 0, 0] * batch.rest[:, 0, 0]) < 0
    assert 0 < mirrored.sum() < 12
    # A stretch keeps the side that a point is on; x is 0 in the middle of these clouds.
    sides = (points[..., 0] * batch.points[..., 0]).sum(1) < 0
    assert torch.equal(sides, mirrored)
    torch.testing.assert_close(rest[..., 1:], batch.rest[..., 1:])


def test_without_a_mirror_left_stays_left(tiny_backbone, examples):
    _, rest, *_ = Follow(MODEL, OPTIONS, mirror="none")._varied(examples.batch())
    assert torch.equal(rest, examples.rest)


def test_the_last_cloud_of_a_sequence_is_drawn_most(follow, examples):
    weights = follow.draw(examples)
    np.testing.assert_allclose(weights[:4], [0.25, 0.75, 1.25, 1.75])
    assert weights.sum() == pytest.approx(12)


def test_single_clouds_are_drawn_alike(follow, examples):
    alone = replace(examples, objects=[str(row) for row in range(12)])
    assert follow.draw(alone).tolist() == [1.0] * 12


def test_landmarks_are_found_at_rest_and_can_be_the_anchors(tiny_backbone, examples):
    found = landmark_places(examples)
    np.testing.assert_allclose(found, [[-1, -1, 1], [1, 1, -1]], atol=0.3)
    model = Follow(replace(MODEL, keypoints=2), OPTIONS, anchors="landmarks")
    model.fit(examples)
    np.testing.assert_allclose(model.anchors[0], found, atol=1e-6)


def test_anchors_of_another_follow_are_its_own_and_not_what_its_network_finds(
    follow, joint, examples, tiny_backbone, tiny_config, tmp_path
):
    def saved(model, name):
        config = replace(tiny_config, model=model.config, train=OPTIONS)
        save_checkpoint(tmp_path / name, model.state_dict(), config, 1, {})
        return str(tmp_path / name)

    # The template of other clouds has other places.
    fewer = examples.rows(torch.arange(8, 12))
    alone = Follow(MODEL, OPTIONS, anchors=saved(follow, "one.safetensors"))
    alone.fit(fewer)
    assert not torch.equal(alone.places, follow.places)
    assert torch.equal(alone.anchors, follow.anchors)
    # Of several categories, that of the same name.
    of_many = Follow(replace(MODEL, categories=("sack",)), OPTIONS, anchors=saved(joint, "two.safetensors"))
    of_many.fit(replace(fewer, categories=["sack"] * 4))
    assert torch.equal(of_many.anchors[0], joint.anchors[joint.config.categories.index("sack")])


def test_more_keypoints_than_landmarks_are_refused(tiny_backbone, examples):
    with pytest.raises(KgError, match="4 keypoints cannot lie on 2 landmarks"):
        Follow(MODEL, OPTIONS, anchors="landmarks").fit(examples)


def test_a_checkpoint_keeps_the_template(follow, tiny_backbone):
    other = Follow(MODEL, OPTIONS)
    other.load_state_dict(follow.state_dict())
    torch.testing.assert_close(other.ways, follow.ways, atol=follow.ways.max() / 500, rtol=1e-3)
    assert torch.equal(other.anchors, follow.anchors)
    assert len(follow.anchors[0].unique(dim=0)) == 4
    assert torch.equal(follow.surface[:, : follow.places.shape[1]], follow.places)


def test_a_training_begins_with_its_own_options_but_a_quick_one_stays_quick(tiny_store):
    store = Store(tiny_store.path)
    made = Recipe("kg", {"detector": "follow"}).configure(store)
    assert (made.train.optimizer, made.model.backbone, made.train.epochs) == ("adamw", "layered", 18)
    quick = Recipe("quick", {"detector": "follow"}).configure(store)
    assert (quick.train.optimizer, quick.train.epochs) == (
        "adamw",
        Recipe("quick").configure(store).train.epochs,
    )
    assert isinstance(made, Config)


def test_losses_are_of_each_axis(follow, examples):
    terms = follow.eval().validation_losses(Batch(examples.points[:2], examples.rest[:2]))
    assert list(terms) == ["rest_x", "rest_y", "rest_z"]


def two_kinds(examples):
    """Return the same clouds, those of the last bag of another category, wider at rest."""
    boxes = examples.boxes.clone()
    boxes[8:, 0] *= 2
    return replace(examples, categories=["bag"] * 8 + ["sack"] * 4, boxes=boxes)


@pytest.fixture
def joint(tiny_backbone, examples):
    torch.manual_seed(0)
    model = Follow(replace(MODEL, categories=("bag", "sack")), OPTIONS)
    model.fit(two_kinds(examples))
    return model


def test_each_category_has_a_template_of_its_own_objects(joint, examples, tiny_backbone):
    alone = Follow(MODEL, OPTIONS)
    alone.fit(examples.rows(torch.arange(8)))
    assert torch.equal(joint.places[0], alone.places[0])
    assert joint.boxes[1, 0] == pytest.approx(2 * WIDE)
    assert not torch.equal(joint.places[0], joint.places[1])


def test_the_category_is_learnt_and_asked_for_where_it_is_not_known(joint, examples, monkeypatch):
    batch = two_kinds(examples).batch(joint.config.categories)
    terms = joint.validation_losses(batch)
    assert list(terms) == ["rest_x", "rest_y", "rest_z", "category"]
    assert terms["category"][1].item() == pytest.approx(np.log(2), abs=0.5)
    monkeypatch.setattr(joint.eval().recognise, "forward", lambda whole: torch.tensor([[0.0, 1], [1, 0]]))
    own = joint.find(examples.points[:2])
    joint.assume("sack")
    sack = joint.find(examples.points[:2])
    joint.assume("bag")
    bag = joint.find(examples.points[:2])
    assert torch.equal(own.indices[0], sack.indices[0])
    assert torch.equal(own.indices[1], bag.indices[1])
    assert not torch.equal(sack.indices, bag.indices)
    joint.assume(None)
    assert torch.equal(joint.find(examples.points[:2]).indices, own.indices)


def test_what_is_known_of_a_category_is_kept_when_it_is_fine_tuned(joint, examples, tiny_backbone):
    own = replace(examples, categories=["sack"] * 6 + ["tote"] * 6)
    tuned = Follow(replace(MODEL, categories=("tote", "sack")), OPTIONS)
    tuned.go_on_from(joint, joint.config)
    tuned.fit(own)
    assert torch.equal(tuned.boxes[1], joint.boxes[1])
    for name in ("places", "anchors", "ways", "surface"):
        assert torch.equal(tuned.get_buffer(name)[1], joint.get_buffer(name)[1])
        assert not torch.equal(tuned.get_buffer(name)[0], joint.get_buffer(name)[0])
    hidden = torch.rand(1, 5, 96)
    for kind in ("usual", "anyhow"):
        own, before = getattr(tuned, kind), getattr(joint, kind)
        assert torch.equal(own(hidden, torch.tensor([1])), before(hidden, torch.tensor([1])))
        assert not torch.equal(own(hidden, torch.tensor([0])), before(hidden, torch.tensor([0])))


@pytest.mark.parametrize("changed", [{"keypoints": 3}, {"anchors": "farthest"}])
def test_anchors_that_are_asked_for_are_chosen_anew_when_it_is_fine_tuned(
    joint, examples, tiny_backbone, changed
):
    keypoints = changed.pop("keypoints", 4)
    tuned = Follow(replace(MODEL, categories=("sack",), keypoints=keypoints), OPTIONS, **changed)
    tuned.go_on_from(joint, joint.config)
    tuned.fit(replace(examples, categories=["sack"] * 12))
    assert tuned.anchors.shape == (1, keypoints, 3)
    assert tuned.anchors.abs().sum() > 0
    assert not torch.equal(tuned.anchors[0], joint.anchors[1, :keypoints])


def test_each_category_has_a_head_and_one_head_for_all_still_loads(joint, examples, tiny_backbone):
    points, state = examples.points[:2], joint.eval().state_dict()
    bag, sack = (joint(points, torch.full((2,), kind)).bins for kind in (0, 1))
    assert not torch.allclose(bag, sack)
    # One head, of clouds that lie as usual, whose names were shorter.
    state = {name.removeprefix("usual."): values for name, values in state.items() if "anyhow" not in name}
    del state["gain"]
    for name in ("bins.weight", "bins.bias"):
        state[name] = state[name][: len(state[name]) // 2]
    joint.load_state_dict(state)
    for kind in (0, 1):
        seen = joint(points, torch.full((2,), kind))
        torch.testing.assert_close(seen.bins, bag)
        torch.testing.assert_close(seen.anyhow, bag)


def test_a_checkpoint_of_one_category_from_before_there_were_several_loads(follow, tiny_backbone):
    state = follow.state_dict()
    del state["ways_pairs"], state["ways_step"]
    state["ways"] = follow.ways
    # Anchors were numbers of places.
    state["anchors"] = torch.cdist(state["anchors"], state["places"]).argmin(2)
    del state["surface"], state["landmarks"]
    several = dict(state)
    for name in ("places", "boxes", "anchors", "ways"):
        state[name] = state[name][0]
    for before in (state, several):
        other = Follow(MODEL, OPTIONS)
        other.load_state_dict(before)
        assert torch.equal(other.places, follow.places)
        assert torch.equal(other.anchors, follow.anchors)
    other.read_at("farthest")
    with pytest.raises(KgError, match="cannot lie on 0 landmarks"):
        other.read_at("landmarks")


def test_the_same_network_reads_keypoints_out_elsewhere(follow, examples):
    points = examples.points[:2]
    with torch.no_grad():
        before = follow.eval().find(points)
        follow.read_at("farthest")
        elsewhere = follow.find(points)
        follow.read_at("seams")
        again = follow.find(points)
    assert not torch.equal(elsewhere.indices, before.indices)
    assert torch.equal(again.indices, before.indices)
    with pytest.raises(KgError, match="anchors must be"):
        follow.read_at("corners")


def test_where_objects_look_the_same_turned_the_nearer_counts_for_the_whole_cloud(tiny_backbone, examples):
    torch.manual_seed(0)
    plain, either = Follow(MODEL, OPTIONS), Follow(MODEL, OPTIONS, symmetry="turned")
    either.load_state_dict(plain.state_dict())
    plain, either = plain.eval(), either.eval()
    turned = examples.rest * torch.tensor([-1.0, 1, -1])
    each = [
        [
            sum(value.item() for _, value in plain.validation_losses(Batch(cloud[None], rest[None])).values())
            for cloud, rest in zip(examples.points, places, strict=True)
        ]
        for places in (examples.rest, turned)
    ]
    found = sum(value.item() for _, value in either.validation_losses(examples.batch()).values())
    assert found == pytest.approx(np.minimum(*each).mean(), rel=1e-5)
    assert found < np.mean(each[0])


def test_a_temperature_is_found_kept_and_used(follow, examples, tiny_backbone):
    points, batch = examples.points[:3], examples.batch()
    with torch.no_grad():
        follow.eval().calibrate(batch)
        assert float(follow.temperature) in TEMPERATURES
        follow.temperature.fill_(1.0)
        before = follow.find(points).confidences
        follow.temperature.fill_(4.0)
        # So much flatter that nothing is close to anywhere for sure.
        found = follow.find(points)
        assert found.confidences.mean() < before.mean()
        assert not found.visible.any()
    other, state = Follow(MODEL, OPTIONS), follow.state_dict()
    other.load_state_dict(state)
    assert float(other.temperature) == 4
    del state["temperature"]
    old = Follow(MODEL, OPTIONS)
    old.load_state_dict(state)
    assert float(old.temperature) == 1


def test_sure_anchors_are_chosen_when_it_is_known_where_keypoints_miss_the_least(tiny_backbone, examples):
    torch.manual_seed(0)
    sure = Follow(MODEL, OPTIONS, anchors="sure")
    sure.fit(examples)
    with torch.no_grad():
        sure.eval().calibrate(examples.batch())
    assert sure.misses.isfinite().all()
    rows = torch.cdist(sure.anchors[0], sure.places[0]).argmin(1)
    assert torch.equal(sure.places[0][rows], sure.anchors[0])
    assert sure.misses[0][rows].max() <= sure.misses[0].quantile(0.5) + 1e-6
    other = Follow(MODEL, OPTIONS)
    other.load_state_dict(sure.state_dict())
    other.read_at("sure")
    assert torch.equal(other.anchors, sure.anchors)


def test_the_first_frame_is_as_if_alone_and_later_ones_are_seen_in_its_light(follow, examples):
    points = examples.points[:4]
    with torch.no_grad():
        alone = follow.eval().find(points)
        found = follow.track(points, points)
        one = follow.track(points[:1], points[:1])
    assert torch.equal(one.indices, alone.indices[:1])
    assert torch.equal(found.indices[0], alone.indices[0])
    assert found.keypoints.shape == alone.keypoints.shape
    chosen = points.gather(1, found.indices[..., None].expand(-1, -1, 3))
    assert torch.equal(found.keypoints, chosen)
    torch.testing.assert_close(found.confidences[0], alone.confidences[0])
    assert not torch.allclose(found.confidences[1:], alone.confidences[1:])
    assert torch.equal(found.visible, found.confidences >= VISIBLE)


def test_a_frame_is_turned_back_if_its_keypoints_then_stay_where_they_were(follow, examples, monkeypatch):
    """Of turns that look alike the one counts in which the object was not turned about in between."""
    half = STEPS // 2
    upright = examples.points[:1]
    over = upright @ about_vertical(180).to(upright).T
    places = normalised(upright, follow.config.normalisation)[0]

    def seen(points, category=None):
        # It takes every cloud for one that lies as usual, though another turn is possible.
        category = torch.zeros(len(points), dtype=torch.int64)
        bins = -400 * (points[..., None] - torch.linspace(-1, 1, 32)).square()
        lie = torch.full((len(points), LIES), -99.0)
        lie[:, [0, half]] = torch.tensor([5.0, 0.0])
        return Seen(bins, bins, lie, None, category)

    monkeypatch.setattr(follow, "forward", seen)
    assert follow.eval().turn_back("yaw")
    frames = torch.cat((places, normalised(over, follow.config.normalisation)[0]))
    # The second frame is the first one, turned by half; where its points are says nothing of it.
    with torch.no_grad():
        found = follow.track(frames, torch.cat((upright, upright)))
    torch.testing.assert_close(found.rest[1], found.rest[0], atol=1e-4, rtol=0)
    follow.turn_back("none")
    with torch.no_grad():
        assert not torch.allclose(
            follow.track(frames, torch.cat((upright, upright))).rest[1], found.rest[0], atol=0.1
        )


def test_a_cloud_is_tilted_to_where_keypoints_are_sure_though_no_lie_is_recognised(
    follow, examples, monkeypatch
):
    """So is a frame of a sequence to where they stay at their places."""
    known = normalised(examples.points[:1], follow.config.normalisation)[0]
    tilted = normalised(known @ tilts()[2].to(known), follow.config.normalisation)[0]

    def seen(points, category=None):
        # It knows the places of one cloud as it is, and takes all others for it turned by half.
        apart = torch.cdist(points[:, None], known[None]).amin(3).amax(2)  # in any order
        usual = (apart.amin(1) < 1e-3)[:, None, None]
        places = points.where(usual, -points)
        bins = (
            -400 * (places[..., None] - torch.linspace(-1, 1, 32)).square() * (0.01 + 0.99 * usual[..., None])
        )
        lie = torch.zeros(len(points), LIES)
        return Seen(bins, bins, lie, None, torch.zeros(len(points), dtype=torch.int64))

    monkeypatch.setattr(follow, "forward", seen)
    monkeypatch.setattr(follow, "recognises", False)
    with torch.no_grad():
        assert follow.eval().turn_back("tilts")
        found, right = follow.find(tilted), follow.find(known)
        tracked = follow.track(torch.cat((known, tilted)), torch.cat((known, known)))
        follow.turn_back("none")
        as_it_is = follow.find(tilted)
    torch.testing.assert_close(right.rest, known.clamp(-1, 1), atol=0.05, rtol=0)
    torch.testing.assert_close(found.rest, right.rest, atol=1e-3, rtol=0)
    torch.testing.assert_close(tracked.rest[1], right.rest[0], atol=1e-3, rtol=0)
    assert not torch.allclose(as_it_is.rest, right.rest, atol=0.3)


def test_of_the_ways_that_are_probable_the_one_counts_in_which_keypoints_are_sure(
    follow, examples, monkeypatch
):
    half = STEPS // 2
    upright = normalised(examples.points[:3], follow.config.normalisation)[0]
    over = normalised(upright @ about_vertical(180).to(upright).T, follow.config.normalisation)[0]

    def seen(points, category=None):
        # It takes every cloud for one that lies as usual, and knows no place on what does not.
        apart = torch.cdist(points[:, None], upright[None]).amin(3).amax(2)  # in any order
        usual = (apart.amin(1) < 1e-3)[:, None, None, None]
        bins = -400 * (points[..., None] - torch.linspace(-1, 1, 32)).square()
        bins = bins * usual
        lie = torch.full((len(points), LIES), -99.0)
        lie[:, [0, half]] = torch.tensor([1.0, 0.0])
        return Seen(bins, bins, lie, None, torch.zeros(len(points), dtype=torch.int64))

    monkeypatch.setattr(follow, "forward", seen)
    clouds = torch.stack((upright[0], over[1], upright[2]))
    follow.eval().turn_back("yaw")
    with torch.no_grad():
        found, one = follow.find(clouds), follow.find(clouds[1:2])
    torch.testing.assert_close(found.rest, upright.clamp(-1, 1), atol=0.05, rtol=0)
    assert torch.equal(one.indices, found.indices[1:2])
    follow.turn_back("none")
    with torch.no_grad():
        assert follow.find(clouds).confidences[1].mean() < found.confidences[1].mean() / 2


def test_clouds_that_are_turned_away_do_not_teach_the_head_of_usual_ones(follow, examples, monkeypatch):
    """What it says of the points of such a cloud costs nothing, whatever it is."""
    terms, lies = [{}, {}], torch.zeros(12, dtype=torch.int64)
    lies[3] = 5
    monkeypatch.setattr("kg_detectors.follow.detector.draw_lies", lambda *_: lies)
    for wrong, kept in zip((0.0, 50.0), terms, strict=True):

        def seen(points, category, wrong=wrong):
            bins = torch.zeros(12, points.shape[1], 3, 32)
            bins[3, ..., 0] = wrong
            return Seen(bins, bins, torch.eye(LIES)[lies] * 9, None, lies * 0)

        monkeypatch.setattr(follow, "forward", seen)
        torch.manual_seed(0)
        kept |= follow.losses(examples.batch(), 0)
    assert list(terms[0]) == ["rest_x", "rest_y", "rest_z", "anyhow", "lie"]
    assert terms[1].pop("anyhow")[1] > terms[0]["anyhow"][1] + 1
    for name, (_, value) in terms[1].items():
        assert value == terms[0][name][1]
    assert terms[0]["rest_x"][1].item() == pytest.approx(np.log(32), rel=1e-5)
    assert terms[0]["lie"][1].item() < 0.01


def test_how_a_cloud_lies_is_learnt_and_tells_the_right_turn(tiny_backbone, examples):
    torch.manual_seed(0)
    model = Follow(MODEL, OPTIONS, turned=0.5, mirror="none")
    model.fit(examples)
    clouds, turn = examples.points[:4], lie_rotations()[3]
    untrained = model.eval().find(clouds).upright
    torch.testing.assert_close(untrained, torch.full((4,), -np.log(LIES), dtype=torch.float32))
    step = Step(model.train(), OPTIONS)
    for number in range(60):
        step.run(examples.batch(), 5e-3, 0, number)
    with torch.no_grad():
        right, wrong = (model.eval().find(points).upright.mean() for points in (clouds, clouds @ turn.T))
    assert right > wrong


def test_a_cloud_that_is_recognised_as_turned_is_turned_back(follow, examples, monkeypatch):
    """Keypoints turn with it, and the places of its points are those that it has when it lies as usual."""
    seen, points, lie = follow.eval().forward, examples.points[:3], 4
    lies = torch.nn.functional.one_hot(torch.tensor([0, lie, 0]), LIES).float() * 9
    turned = points.clone()
    turned[1] = points[1] @ lie_rotations()[lie].T

    def recognised(clouds, category):
        return seen(clouds, category)._replace(lie=lies[:3] if len(clouds) == 3 else torch.zeros(1, LIES))

    with torch.no_grad():
        usual = follow.find(points)
        monkeypatch.setattr(follow, "forward", recognised)
        as_it_lies = follow.find(turned)
        assert follow.turn_back("yaw")
        found = follow.find(turned)
    assert torch.equal(found.indices, usual.indices)
    assert not torch.equal(as_it_lies.indices[1], usual.indices[1])
    torch.testing.assert_close(found.rest, usual.rest, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(found.keypoints[1], usual.keypoints[1] @ lie_rotations()[lie].T)


def at_rest(count=1):
    """Return places on a slab, twice as long as wide."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 200, 3, generator=generator) * torch.tensor([1.0, 2, 0.1])


def test_a_state_of_before_turns_nothing_back_whenever_it_was_asked(follow, examples):
    """Its network cannot tell: each turn has to be tried."""
    state = {name: value for name, value in follow.state_dict().items() if name != "gain"}
    state["lie.bias"] = torch.arange(float(LIES))
    follow.turn_back("none")
    usual = follow.eval().find(examples.points[:2])
    assert follow.turn_back("sides")
    follow.load_state_dict(state)
    assert not follow.turn_back("none")
    as_it_lies = follow.find(examples.points[:2])
    assert not follow.turn_back("sides")
    assert torch.equal(follow.find(examples.points[:2]).indices, as_it_lies.indices)
    assert torch.equal(usual.indices, as_it_lies.indices)


@pytest.mark.parametrize(
    ("degrees", "over", "lie"),
    [
        (0, False, 0),
        (50, False, 0),
        (85, False, 3),
        (180, False, 6),
        (-135, False, 7),
        (0, True, 12),
        (125, True, 16),
    ],
)
def test_it_is_known_of_clouds_in_training_how_they_lie(degrees, over, lie):
    places = at_rest()
    lying = (places * torch.tensor([1.0, -1, -1]) if over else places) @ about_vertical(degrees).mT
    assert known_lies(lying, places).tolist() == [lie]
    if lie:
        back = turned_back(lying, torch.tensor([lie]))
        rest = float(degrees - 30 * (lie % 12))
        left = about_vertical(-rest if over else rest)
        torch.testing.assert_close(back, places @ left.mT, atol=1e-5, rtol=0)


def test_how_what_is_folded_is_turned_is_not_known():
    places = at_rest()
    folded = places.clone()
    folded[..., 1] = (folded[..., 1] - 1).abs()
    assert not known_lies(folded @ about_vertical(120.0).mT, places)


def test_half_of_what_is_turned_by_itself_is_turned_back_in_training(follow, examples, monkeypatch):
    lies, seen = [], follow.forward

    def noted(points, category):
        lies.append(follow._known_lies(Batch(points, examples.rest)))
        return seen(points, category)

    monkeypatch.setattr(follow, "forward", noted)
    monkeypatch.setattr(follow, "mirror", -1)
    monkeypatch.setattr("kg_detectors.follow.detector.draw_lies", lambda count, *_: torch.zeros(count).long())
    turned = examples.points @ lie_rotations()[4].T
    torch.manual_seed(0)
    for _ in range(20):
        follow.losses(Batch(turned, examples.rest), 0)
    drawn = torch.stack(lies).float()
    assert set(drawn.unique().tolist()) == {0, 4}
    assert (drawn == 4).float().mean() == pytest.approx(0.5, abs=0.1)


def test_the_lie_that_agrees_the_most_is_the_right_one():
    places = at_rest(LIES)
    agreement = likeness(places @ lie_rotations().mT + 3, places)
    assert torch.equal(agreement.argmax(1), torch.arange(LIES))
    torch.testing.assert_close(agreement.amax(1), torch.ones(LIES))


def test_lies_are_every_turn_of_either_side():
    found = lie_rotations()
    assert found.shape == (LIES, 3, 3)
    torch.testing.assert_close(found[0], torch.eye(3))
    torch.testing.assert_close(found @ found.mT, torch.eye(3).expand(LIES, 3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.linalg.det(found), torch.ones(LIES))
    assert len(found.round(decimals=4).unique(dim=0)) == LIES


@pytest.mark.parametrize("turned", ["many", "1", "-0.1"])
def test_a_share_that_is_none_is_refused(tiny_backbone, turned):
    with pytest.raises(KgError, match="turned is a share"):
        Follow(MODEL, OPTIONS, turned=turned)


def test_views_are_joined_as_the_mean_of_what_each_says(follow, examples):
    points = examples.points[:2]
    model = Follow(replace(MODEL, canonical=False), OPTIONS).eval()
    model.load_state_dict(follow.state_dict())
    alone = model.find(points).keypoints
    model.look_at(3)
    with torch.no_grad():
        first = model._in_order(points, None)
        _, joined = model._turned_back(points, first, torch.eye(3).expand(len(points), 3, 3))
        expected = torch.zeros_like(joined)
        for turned, sign in ((0.0, 1.0), (0.0, -1.0), (10.0, 1.0)):
            signs, angle = torch.tensor([sign, 1, 1]), np.radians(turned)
            x, y, z = (points * signs).unbind(2)
            seen = torch.stack(
                [np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y, z], 2
            )
            bins = model(normalised(seen, "longest-side")[0]).bins
            said = likelihood(bins, model.places.expand(2, -1, -1) * signs)
            expected += said / said.sum(2, keepdim=True)
    torch.testing.assert_close(joined, expected, atol=1e-5, rtol=1e-3)
    model.look_at(1)
    assert torch.equal(model.find(points).keypoints, alone)
    with pytest.raises(KgError, match="1 to 6 views, not 7"):
        model.look_at(7)


def test_without_a_mirror_no_view_is_mirrored(tiny_backbone):
    model = Follow(MODEL, OPTIONS, mirror="none")
    model.look_at(3)
    assert not any(mirrored for _, mirrored in model.views)
    with pytest.raises(KgError, match="1 to 3 views"):
        model.look_at(4)


def test_a_student_has_its_teachers_template_and_anchors(follow, examples):
    student = Follow(MODEL, OPTIONS, symmetry="turned", anchors="farthest")
    student.fit(examples)
    assert not torch.equal(student.anchors, follow.anchors)
    student.follow_teacher(follow, Config(model=MODEL), examples)
    for name, values in follow.named_buffers(recurse=False):
        torch.testing.assert_close(student.get_buffer(name), values, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(student.category_keypoints(), follow.anchors[0] * follow.boxes[0])
    assert not torch.equal(student.usual.own.weight, follow.usual.own.weight)


def test_a_teacher_of_another_kind_or_with_other_keypoints_is_refused(follow, examples):
    other = Follow(replace(MODEL, keypoints=3), OPTIONS)
    with pytest.raises(KgError, match="has 4 keypoints, and 3"):
        other.follow_teacher(follow, Config(model=MODEL), examples)
    with pytest.raises(KgError, match="learns from a follow"):
        follow.follow_teacher(make_detector(replace(MODEL, detector="template"), OPTIONS), Config(), examples)


def test_its_students_options_are_ones_that_it_has(tiny_backbone):
    from kg.config.teaching import taught_by

    made = Config(model=MODEL)
    for name, text in taught_by(made).options.items():
        if name.partition(".")[0] != "backbone":
            made = made.override(name, text)
    model = make_detector(replace(made.model, backbone="framed"), made.train)
    assert model.symmetry == [[1, 1, 1], [-1, 1, -1]]
    assert model.turned == 0
