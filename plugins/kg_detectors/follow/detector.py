"""Keypoints that follow the material: where every point lies at rest, learnt from known correspondence."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kg import ops
from kg.config import Config, Inference, ModelConfig, TrainConfig
from kg.errors import KgError
from kg.model import Batch, Detector, Examples, Found, Losses
from kg.model.backbone import check_features
from kg.model.checkpoint import load_checkpoint
from kg.model.detector import check_points
from kg.model.normalisation import normalised
from kg.model.turns import Search, about_vertical
from kg.ops.precision import autocast, full_precision
from kg_detectors.follow.anchors import (
    KINDS,
    MARKS,
    Floats,
    check_anchors,
    find_anchors,
    landmark_places,
    run_file,
)
from kg_detectors.follow.bins import BINS, bin_loss, decode, expected, likelihood
from kg_detectors.follow.calibration import (
    ANCHORS,
    CLOUDS,
    MEASURED,
    TEMPERATURES,
    misses,
    nearest_places,
    surprises,
)
from kg_detectors.follow.head import PlaceHead
from kg_detectors.follow.lies import (
    CONFIDENT,
    LIES,
    SURE,
    VIEWS,
    draw_lies,
    known_lies,
    lie_rotations,
    likeness,
    possible_turns,
    turned_back,
    ways_to_try,
)
from kg_detectors.follow.packing import pack, unpack
from kg_detectors.follow.readout import VISIBLE, Readout, read_out, ways_to
from kg_detectors.follow.template import Template, make_template
from kg_detectors.follow.tracking import Before, Path, blur, carried, told
from kg_detectors.heads import make_backbone

AXES = "xyz"
PLACES = 768
"""M of the template. On a shirt they are 3.5 cm apart, its two layers apart."""
SURFACE = 2048
"""Points of the template that another detector is shown to find keypoints on it."""
STRETCH = (0.08, 0.08, 0.25)
"""Standard deviations of the logarithms of what each axis of a cloud is stretched by in training."""
RECOGNISING = 0.1
"""Weight of the losses of the category and of how a cloud lies."""
ANYHOW = 0.4
"""Weight of the losses of places, on each axis, of clouds that lie any way."""
KEPT = 0.5
"""Share of the clouds that something has turned which stay so, to be recognised; others are turned back."""
GAIN = 40
"""How much more evidence counts than the weight that is learnt for it."""
SYMMETRIES = {"none": [[1, 1, 1]], "turned": [[1, 1, 1], [-1, 1, -1]]}
"""Signs of the axes at rest by which an object may look the same."""
PER_CATEGORY = ("places", "boxes", "surface", "anchors", "misses", "landmarks", "ways")
"""Buffers whose rows are of one category each."""
HARDER = 1.5
"""How much more often the last cloud of a sequence is drawn than the first, in units of the mean."""


class Seen(NamedTuple):
    """What the network says of clouds.

    Attributes:
        bins: (B, N, 3, BINS), logits of where on each axis a point lies at rest, if the cloud lies as usual.
        anyhow: The same, however it lies.
        lie: (B, LIES), logits of how a cloud lies.
        known: (B, C), logits of the categories; None for one alone.
        category: (B,), the category that the bins are of.
    """

    bins: Tensor
    anyhow: Tensor
    lie: Tensor
    known: Tensor | None
    category: Tensor

    def rows(self, rows: Tensor) -> "Seen":
        """Return what it says of some of the clouds, (R,) numbers of theirs."""
        known = None if self.known is None else self.known[rows]
        return Seen(self.bins[rows], self.anyhow[rows], self.lie[rows], known, self.category[rows])


class Tried(NamedTuple):
    """Clouds in the ways that they may lie.

    Attributes:
        seen: What the network says of each.
        likely: (R, N, M), how likely each point lies at each place.
        read: The keypoints.
    """

    seen: Seen
    likely: Tensor
    read: Readout


class Follow(Detector):
    """Says of every point of a cloud where on its object at rest it lies, and reads keypoints out there.

    Places are bins on each axis of the object's own box at rest (as GarmentNets, Chi and Song, ICCV 2021),
    taught by the correspondence that a simulation, or poses of one mesh, know: nobody labels anything. A
    keypoint is the cloud's point whose way to an anchor, a place on the object at rest, is expected to be
    the least.

    Args:
        model: The network.
        train: The training.
        anchors: Where keypoints are at rest: "seams", far apart where it matters least which layer they
            are on; "sure", far apart where keypoints miss their places the least on the validation clouds;
            "farthest", far apart; "landmarks", the first K landmarks of the data set; a run, whose
            detector finds K keypoints on an object at rest; or SHAPE:PICKS, see
            `kg_detectors.follow.anchors.find_anchors`.
        mirror: Axis of left and right, along which half of the clouds are mirrored in training, or "none"
            for objects whose sides differ. Clouds and objects at rest are to lie alike but for their turns.
        symmetry: "turned" where clouds lie any way and nothing tells an object from the same one turned by
            half about its length, so that left and right, front and back change places: a cloud then learns
            from the nearer of the two. "none" where they lie alike.
        turned: Share of the clouds in training that are turned about the vertical by any angle, or turned
            over: a second head learns their places, and the turn is to be recognised. With `kg predict
            --search` a cloud that is recognised as turned is turned back, and looked at once more.

    Raises:
        KgError: An option is unknown or out of its bounds.
    """

    defaults: ClassVar[Mapping[str, str]] = {
        "backbone": "layered",
        "normalisation": "longest-side",
        "inference": "hard",
        "epochs": "18",
        "batch_size": "4",
        "subsample": "0.75",
        "turn": "yaw",
        "turn_limit": "15",
        "jitter": "0.003",
        "optimizer": "adamw",
        "learning_rate": "0.0015",
        "gradient_norm": "1",
        "averaging": "0.998",
        "schedule": "one-cycle",
    }
    # Places at rest are known of turned clouds too. Lying any way, they are learnt up to the symmetry.
    taught: ClassVar[Mapping[str, str]] = {
        "detector": "follow",
        "backbone": "framed",
        "turn": "all",
        "turn_limit": "180",
        "detector.symmetry": "turned",
        "detector.turned": "0",
    }
    needs_rest = True

    ways: Tensor
    anchors: Tensor
    landmarks: Tensor
    places: Tensor
    surface: Tensor
    temperature: Tensor
    misses: Tensor
    boxes: Tensor

    def __init__(
        self,
        model: ModelConfig,
        train: TrainConfig,
        *,
        anchors: str = "seams",
        mirror: str = "x",
        symmetry: str = "none",
        turned: float = 0.2,
    ) -> None:
        super().__init__()
        if mirror not in (*AXES, "none"):
            raise KgError(f"mirror must be x, y, z or none, not '{mirror}'.")
        if symmetry not in SYMMETRIES:
            raise KgError(f"symmetry must be {' or '.join(SYMMETRIES)}, not '{symmetry}'.")
        self.config, self.options, self.turned = model, train, _share("turned", turned)
        self.kind, self.mirror, self.symmetry = anchors, AXES.find(mirror), SYMMETRIES[symmetry]
        self.assumed: int | None = None
        self.taken_over: set[int] = set()
        self.recognises = self.turned > 0
        self.search: Search = "none"
        self.views: tuple[tuple[float, bool], ...] = VIEWS[:1]
        self.backbone = make_backbone(model)
        # Not recordable, whatever the backbone is: signs and turns are copied from the CPU in each step.
        self.minimum_points = self.backbone.minimum_points
        channels = self.backbone.point_channels, self.backbone.global_channels
        count = max(1, len(model.categories))
        self.usual, self.anyhow = PlaceHead(*channels, count), PlaceHead(*channels, count)
        if count > 1:
            self.recognise = nn.Linear(self.backbone.global_channels, count)
        self.lie = nn.Linear(self.backbone.global_channels, LIES)
        # What has not learnt how clouds lie takes all turns for as likely.
        nn.init.zeros_(self.lie.weight)
        nn.init.zeros_(self.lie.bias)
        self.gain = nn.Parameter(torch.zeros(()))
        # Of each category, C first.
        self.register_buffer("places", torch.zeros(count, PLACES, 3))
        self.register_buffer("boxes", torch.zeros(count, 3))
        self.register_buffer("surface", torch.zeros(count, SURFACE, 3))
        self.register_buffer("anchors", torch.zeros(count, model.keypoints, 3))
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("misses", torch.full((count, PLACES), torch.nan))
        self.register_buffer("landmarks", torch.full((count, MARKS, 3), torch.nan))
        self.register_buffer("ways", torch.zeros(count, PLACES, PLACES, dtype=torch.float16))

    @torch.no_grad()
    def go_on_from(self, other: Detector, config: ModelConfig) -> None:
        """See `Detector.go_on_from`: heads, templates and anchors of the categories that both have."""
        if not isinstance(other, Follow):
            return
        both = [name for name in self.config.categories if name in config.categories]
        own, theirs = (
            [of.index(name) for name in both] for of in (self.config.categories, config.categories)
        )
        for head, before in ((self.usual, other.usual), (self.anyhow, other.anyhow)):
            for values, known in zip(head.by_category(), before.by_category(), strict=True):
                values[own] = known[theirs]
        for name in PER_CATEGORY:
            values, known = self.get_buffer(name), other.get_buffer(name)
            if values.shape[1:] == known.shape[1:]:
                values[own] = known[theirs]
        if self.kind == other.kind and self.config.keypoints == other.config.keypoints:
            self.taken_over = set(own)

    def fit(self, examples: Examples) -> None:
        """Choose a template of each category and the anchors on it, unless it went on from others."""
        names, before = np.asarray(examples.categories), self.anchors.clone()
        for number, name in enumerate(self.config.categories or np.unique(names)):
            if number in self.taken_over:
                continue
            own = examples.rows(torch.from_numpy(np.flatnonzero(names == name)))
            assert own.rest is not None
            assert own.boxes is not None
            template = make_template(own.rest.numpy(), own.boxes.numpy(), own.objects, PLACES, SURFACE)
            self.places[number] = torch.from_numpy(template.places)
            self.surface[number] = torch.from_numpy(template.surface)
            self.boxes[number] = torch.from_numpy(template.extent)
            self.ways[number] = torch.from_numpy(template.ways)
            marks = torch.from_numpy(landmark_places(own)[:MARKS])
            self.landmarks[number, : len(marks)] = marks
        # Where keypoints miss the least is measured when there are some.
        anchors = self._anchors("seams" if self.kind == "sure" else self.kind)
        if anchors.shape != self.anchors.shape:
            raise KgError(
                f"There are {anchors.shape[1]} anchors {self.kind} for {self.config.keypoints} keypoints.",
                f"Ask for as many: --keypoints {anchors.shape[1]}",
            )
        self.anchors.copy_(anchors)
        for number in self.taken_over:
            self.anchors[number] = before[number]

    def check(self) -> None:
        """See `Detector.check`."""
        check_anchors(self.kind)

    def follow_teacher(self, teacher: Detector, config: Config, examples: Examples) -> None:
        """Take over the template and the anchors; places that are known teach better than guesses."""
        if not isinstance(teacher, Follow) or teacher.config.categories != self.config.categories:
            raise KgError(
                "follow learns from a follow of the same categories.",
                "Leave --detector out: the student of another detector is a 'student'.",
            )
        own, theirs = dict(self.named_buffers(recurse=False)), dict(teacher.named_buffers(recurse=False))
        if own["anchors"].shape != theirs["anchors"].shape:
            raise KgError(
                f"The teacher has {theirs['anchors'].shape[1]} keypoints, and {self.config.keypoints} are "
                "asked for.",
                "Leave --keypoints out: a student has its teacher's.",
            )
        for name, values in theirs.items():
            own[name].copy_(values)

    def category_keypoints(self) -> Tensor | None:
        """See `Detector.category_keypoints`: the anchors, of one category."""
        return self.anchors[0] * self.boxes[0] if len(self.anchors) == 1 else None

    def read_at(self, anchors: str) -> None:
        """See `Detector.read_at`."""
        self.anchors = self._anchors(anchors).to(self.anchors)

    def turn_back(self, search: Search) -> bool:
        """See `Detector.turn_back`."""
        self.search = search
        return self._can_turn_back()

    def look_at(self, views: int) -> None:
        """See `Detector.look_at`: turned a little, and mirrored where left and right may be exchanged."""
        known = VIEWS if self.mirror >= 0 else tuple(view for view in VIEWS if not view[1])
        if not 1 <= views <= len(known):
            raise KgError(f"This detector sees a cloud in 1 to {len(known)} views, not {views}.")
        self.views = known[:views]

    def _anchors(self, named: str) -> Tensor:
        """Return anchors, by what they are called, on the template of each category, (C, K, 3)."""
        columns = self.places, self.surface, self.boxes, self.ways, self.landmarks, self.misses
        kinds = zip(*(column.double().cpu().numpy() for column in columns), strict=True)
        known, names = _anchors_of(named), self.config.categories or ("",)
        places = [
            known[name]
            if name in known
            else find_anchors(named, Template(*template), landmarks, self.config.keypoints, missed)
            for name, (*template, landmarks, missed) in zip(names, kinds, strict=True)
        ]
        return torch.from_numpy(np.stack(places))

    def assume(self, category: str | None) -> None:
        """See `Detector.assume`; with none each cloud is of the category that it looks most like."""
        self.assumed = None if category is None else self.config.categories.index(category)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Keep the ways, by far the largest part, packed."""
        super()._save_to_state_dict(destination, prefix, keep_vars)
        ways = destination.pop(prefix + "ways")
        destination[prefix + "ways_pairs"], destination[prefix + "ways_step"] = pack(ways)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Take a state of before several categories, too, whose templates lack the first dimension."""
        if prefix + "ways_pairs" in state_dict:
            pairs, step = (state_dict.pop(f"{prefix}ways_{part}") for part in ("pairs", "step"))
            state_dict[prefix + "ways"] = unpack(pairs, step, PLACES)
        for name in ("places", "boxes", "ways"):
            saved = state_dict.get(prefix + name)
            if saved is not None and saved.ndim < getattr(self, name).ndim:
                state_dict[prefix + name] = saved[None]
        places, anchors = (state_dict.get(prefix + name) for name in ("places", "anchors"))
        if places is not None and anchors is not None and not anchors.is_floating_point():
            # Of before anchors could lie between the template's places.
            rows = anchors.view(len(places), -1)
            state_dict[prefix + "anchors"] = places.gather(1, rows[..., None].expand(-1, -1, 3))
            state_dict[prefix + "surface"] = places[:, torch.arange(SURFACE) % PLACES]
            state_dict[prefix + "landmarks"] = self.landmarks
        state_dict.setdefault(prefix + "temperature", self.temperature)
        state_dict.setdefault(prefix + "misses", self.misses)
        for name, own in self.usual.state_dict().items():
            head = state_dict.pop(prefix + name, None)
            if head is not None and len(head) == 3 * BINS < len(own):
                # Of before each category had a head.
                head = head.repeat(len(self.places), *[1] * (head.ndim - 1))
            if head is not None:
                # Of before there were two heads: what clouds are taken for that lie as usual, to begin with.
                state_dict |= {f"{prefix}{kind}.{name}": head for kind in ("usual", "anyhow")}
        # Of before it knew by where points lie how the cloud does: each turn has to be tried.
        self.recognises &= prefix + "gain" in state_dict
        state_dict.setdefault(prefix + "gain", self.gain.detach())
        for name, values in self.lie.state_dict().items():
            state_dict.setdefault(f"{prefix}lie.{name}", values)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def draw(self, examples: Examples) -> Tensor:
        """See `Detector.draw`: the later a cloud is in its sequence, the harder, and the more often drawn."""
        names, frames = np.asarray(examples.objects), np.asarray(examples.frames, dtype=np.float64)
        objects, of = np.unique(names, return_inverse=True)
        first, last = np.full(len(objects), np.inf), np.full(len(objects), -np.inf)
        np.minimum.at(first, of, frames)
        np.maximum.at(last, of, frames)
        moves = (last > first)[of]
        weights = np.ones(len(names))
        extent = np.where(moves, (last - first)[of], 1)
        weights += np.where(moves, HARDER * ((frames - first[of]) / extent - 0.5), 0)
        return torch.from_numpy(weights)

    def forward(self, points: Tensor, category: Tensor | None = None) -> Seen:
        """Return what the network says of clouds.

        Args:
            points: (B, N, 3).
            category: (B,) numbers of their categories; of several, by default, what each looks like most.
        """
        features = self.backbone(points)
        check_features(self.backbone, points, features)
        hidden = [head.hidden(features) for head in (self.usual, self.anyhow)]
        with full_precision(points.device):
            whole = features.global_feature.float()
            known = self.recognise(whole) if len(self.places) > 1 else None
            if category is None:
                category = (
                    whole.new_zeros(len(whole), dtype=torch.int64) if known is None else known.argmax(1)
                )
            usual, anyhow = self.usual(hidden[0], category), self.anyhow(hidden[1], category)
            # Where its points seem to lie at rest says more of how a cloud lies than the cloud as a whole.
            with torch.no_grad():
                agreement = likeness(points.float(), expected(anyhow) * self.boxes[category][:, None])
            lie = self.lie(whole) + GAIN * self.gain * agreement
            return Seen(usual, anyhow, lie, known, category)

    def losses(self, batch: Batch, stage: int) -> Losses:
        """See `Detector.losses`."""
        varied = self._varied(batch)
        lies, points = draw_lies(len(varied.points), self.turned, varied.points.device), varied.points
        if self.turned:
            found = self._known_lies(varied)
            points = turned_back(points, found)
            kept = (lies == 0) & (torch.rand(len(lies), device=lies.device) < KEPT)
            lies = found.where(kept, lies)
        turned = points @ lie_rotations().to(points)[lies].mT
        with autocast(batch.points.device, self.options.precision):
            seen = self(normalised(turned, self.config.normalisation)[0], batch.category)
        terms = self._terms(seen, varied, (lies == 0).to(seen.bins.dtype))
        if self.turned:
            terms["anyhow"] = (ANYHOW, self._places(seen.anyhow, varied).sum(1).mean())
            terms["lie"] = (RECOGNISING, functional.cross_entropy(seen.lie, lies))
        return terms

    def validation_losses(self, batch: Batch) -> Losses:
        """See `Detector.validation_losses`."""
        batch = self._as_usual(batch)
        seen = self(batch.points, batch.category)
        return self._terms(seen, batch, batch.points.new_ones(len(batch.points)))

    def _terms(self, seen: Seen, batch: Batch, weights: Tensor) -> Losses:
        """Return the losses of places, where each cloud (B,) counts as the weights say, and of categories."""
        least = self._places(seen.bins, batch)
        mean = (least * weights[:, None]).sum(0) / weights.sum().clamp(min=1)
        terms = {f"rest_{axis}": (1.0, value) for axis, value in zip(AXES, mean.unbind(), strict=True)}
        if seen.known is not None and batch.category is not None:
            terms["category"] = (RECOGNISING, functional.cross_entropy(seen.known, batch.category))
        return terms

    def _places(self, bins: Tensor, batch: Batch) -> Tensor:
        """Return the losses of places of each cloud on each axis, (B, 3)."""
        assert batch.rest is not None
        # Of each cloud, its turns and axes (S, B, 3): the least of its turns counts, for a cloud as a whole.
        signs = bins.new_tensor(self.symmetry)
        each = torch.stack([bin_loss(bins, batch.rest * sign) for sign in signs])
        best = each.sum(2).argmin(0)
        return each.gather(0, best[None, :, None].expand(1, -1, 3))[0]

    def _known_lies(self, batch: Batch) -> Tensor:
        """Return how clouds lie, (B,), as their places tell."""
        assert batch.rest is not None
        boxes = self.boxes[0] if batch.category is None else self.boxes[batch.category][:, None]
        return known_lies(batch.points, batch.rest * boxes)

    def _as_usual(self, batch: Batch) -> Batch:
        """Return clouds as they usually lie, normalised, if this detector learns how clouds lie."""
        if not self.turned:
            return batch
        points = turned_back(batch.points, self._known_lies(batch))
        return batch._replace(points=normalised(points, self.config.normalisation)[0])

    def _varied(self, batch: Batch) -> Batch:
        """Return clouds and places as other garments would have them: mirrored, wider, longer or thicker."""
        points, rest = batch.points, batch.rest
        assert rest is not None
        if self.mirror >= 0:
            sign = torch.ones_like(points[:, :1])
            sign[:, 0, self.mirror] = 1 - 2 * torch.randint(2, (len(points),), device=points.device)
            points, rest = points * sign, rest * sign
        stretch = torch.randn_like(points[:, :1]) * points.new_tensor(STRETCH)
        return batch._replace(points=points * stretch.exp(), rest=rest)

    def calibrate(self, batch: Batch) -> None:
        """See `Detector.calibrate`: the temperature by which it surprises least what is right, and misses."""
        batch = self._as_usual(batch)
        rows = torch.linspace(0, len(batch.points) - 1, min(CLOUDS, len(batch.points))).round().long()
        total = self.temperature.new_zeros(len(TEMPERATURES))
        for row in rows.to(batch.points.device):
            likely, ways, truths = self._examined(batch.rows(row[None]))
            far = torch.stack([ways[0][truth[0], :ANCHORS][None] for truth in truths])
            total += surprises(likely, ways[:, :, :ANCHORS], far)
        self.temperature.fill_(TEMPERATURES[int(total.argmin())])
        kinds = torch.zeros(len(batch.points)) if batch.category is None else batch.category.cpu()
        for number, measured in enumerate(self.misses):
            own = torch.nonzero(kinds == number)[:, 0]
            rows = own[torch.linspace(0, len(own) - 1, min(MEASURED, len(own))).round().long()]
            each = [misses(*self._examined(batch.rows(row[None]))) for row in rows.to(batch.points.device)]
            measured.copy_(torch.stack(each).mean(0) if each else measured)
        if self.kind == "sure":
            self.read_at("sure")

    def _examined(self, cloud: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return of one cloud what is likely, (1, N, M), the ways, (1, M, M), and true places, (S, 1, N)."""
        assert cloud.rest is not None
        category = cloud.category
        if category is None:
            category = torch.zeros(1, dtype=torch.int64, device=cloud.points.device)
        places, boxes, ways = self.places[category], self.boxes[category], self.ways[category].float()
        signs = places.new_tensor(self.symmetry)
        truths = torch.stack([nearest_places(cloud.rest * sign, places, boxes) for sign in signs])
        return likelihood(self(cloud.points, cloud.category).bins, places), ways, truths

    def find(self, points: Tensor, inference: Inference | None = None) -> Found:
        """See `Detector.find`; a keypoint is always a point of the cloud.

        What may lie otherwise than usual is turned back from each way that is probable, and looked at once
        more. The way counts in which the network is surest.
        """
        check_points(self, self.config.detector, points.shape[1])
        first = self._in_order(points, self._assumed(len(points)))
        rotations, lies = self._possible_turns()
        clouds, turns = ways_to_try(first.lie[:, lies], SURE)
        seen, _, read = self._try(
            points[clouds], first.rows(clouds), rotations[turns], self._ways(first.category)[clouds]
        )
        each_lie = first.lie.log_softmax(1)
        probable = each_lie[:, lies]
        each = torch.full_like(probable, -torch.inf)
        each[clouds, turns] = probable[clouds, turns] + CONFIDENT * read.confidences.mean(1)
        best = torch.nonzero(turns == each.argmax(1)[clouds])[:, 0]
        indices, confidences = (column[best] for column in read)
        keypoints, rest = ops.gather(points, indices), decode(seen.bins[best])
        visible = confidences >= VISIBLE
        return Found(keypoints, indices, confidences, rest=rest, visible=visible, upright=each_lie[:, 0])

    def track(self, points: Tensor, positions: Tensor) -> Found:
        """See `Detector.track`; what is known of each point is carried on by `carried`, lies by `Path`."""
        check_points(self, self.config.detector, points.shape[1])
        size = (positions.amax(1) - positions.amin(1)).norm(dim=1).max()
        category, before, path, frames = self._assumed(1), None, Path(size), []
        rotations, lies = self._possible_turns()
        turn = torch.zeros(1, dtype=torch.int64, device=points.device)
        for cloud, there in zip(points[:, None], positions, strict=True):
            first = self._in_order(cloud, category)
            if before is None:
                # An object is of one category, that of its first frame.
                category, ways = first.category, self._ways(first.category)
            _, tried = ways_to_try(first.lie[:, lies], 1.0)
            turns = torch.unique(torch.cat((tried, turn)))
            rows = torch.zeros_like(turns)
            seen, likely, read = self._try(cloud[rows], first.rows(rows), rotations[turns], ways)
            posteriors = likely / likely.sum(2, keepdim=True)
            evidence = first.lie.log_softmax(1)[0, lies[turns]]
            if self.search == "tilts":
                # The network tells no tilt by itself.
                evidence = evidence + CONFIDENT * read.confidences.mean(1)
            came = path.go_on(there[read.indices], evidence)
            if before is None:
                spread = blur(self.ways[category][0].to(likely))
            else:
                before = before._replace(posteriors=before.posteriors[came])
                posteriors = carried(posteriors, told(posteriors, there, before, spread, size))
                read = read_out(posteriors, ways, self.temperature)
            turn, before = turns[path.best : path.best + 1], Before(there, posteriors)
            frames.append((cloud[0][read.indices], *read, decode(seen.bins)))
        chosen = (
            [column[way] for column in frame] for way, frame in zip(path.choices(), frames, strict=True)
        )
        keypoints, indices, confidences, rest = (torch.stack(column) for column in zip(*chosen, strict=True))
        return Found(keypoints, indices, confidences, rest=rest, visible=confidences >= VISIBLE)

    def _try(self, points: Tensor, first: Seen, turns: Tensor, ways: Tensor) -> Tried:
        """Return what is found in clouds (R, N, 3) if they are turned by rotations.

        Args:
            points: Clouds.
            first: What the network says of them as they are.
            turns: (R, 3, 3), see `possible_turns`.
            ways: (R, M, K), or (1, M, K) for all: see `_ways`.
        """
        seen, likely = self._turned_back(points, first, turns)
        return Tried(seen, likely, read_out(likely, ways, self.temperature))

    def _ways(self, category: Tensor) -> Tensor:
        """Return the ways from all places of clouds of categories (B,) to their anchors, (B, M, K)."""
        kinds, each = torch.unique(category, return_inverse=True)
        columns = self.anchors, self.places, self.ways, self.boxes
        return ways_to(*(column[kinds] for column in columns))[each]

    def _assumed(self, count: int) -> Tensor | None:
        """Return the category that was named, for each of some clouds."""
        if self.assumed is None:
            return None
        return torch.full((count,), self.assumed, device=self.anchors.device)

    def _can_turn_back(self) -> bool:
        """Return whether it can find out which of the possible turns a cloud lies in."""
        # Each tilt is tried, whether or not the network can tell how a cloud lies.
        return self.recognises or self.search == "tilts"

    def _possible_turns(self) -> tuple[Tensor, Tensor]:
        """Return the turns that are possible and can be told, see `possible_turns`."""
        # Asked before the weights came, it may be a detector that cannot.
        rotations, lies = possible_turns(self.search if self._can_turn_back() else "none")
        return rotations.to(self.anchors), lies.to(self.anchors.device)

    def _turned_back(self, points: Tensor, first: Seen, turns: Tensor) -> tuple[Seen, Tensor]:
        """Return what the network says of clouds that are turned, and likelihoods, (B, N, M).

        Args:
            points: (B, N, 3).
            first: What it says of them as they are.
            turns: (B, 3, 3), by which.
        """
        turned = (turns != torch.eye(3, device=turns.device)).flatten(1).any(1)
        if bool(turned.any()):
            with full_precision(points.device):
                back = points[turned] @ turns[turned].to(points)
            points = points.index_put((turned,), normalised(back, self.config.normalisation)[0])
            again = self._in_order(points[turned], first.category[turned])
            first = first._replace(bins=first.bins.index_put((turned,), again.bins))
        likely = likelihood(first.bins, self.places[first.category])
        if len(self.views) > 1:
            likely /= likely.sum(2, keepdim=True)
        for degrees, mirrored in self.views[1:]:
            sign = torch.ones_like(points[0, 0])
            sign[self.mirror] = -1 if mirrored else 1
            with full_precision(points.device):
                turned = points * sign @ about_vertical(degrees).to(points).T
            view = normalised(turned, self.config.normalisation)[0]
            other = likelihood(self._in_order(view, first.category).bins, self.places[first.category] * sign)
            likely += other / other.sum(2, keepdim=True)
        return first, likely

    def _in_order(self, points: Tensor, category: Tensor | None) -> Seen:
        """Return what the network says of clouds, whose points it sees in one order, by option."""
        if not self.config.canonical:
            seen: Seen = self(points, category)
            return seen
        order = ops.canonical_order(points)
        seen = self(ops.gather(points, order), category)
        return seen._replace(bins=ops.gather(seen.bins.flatten(2), order.argsort(1)).view(seen.bins.shape))


def _share(name: str, value: float | str) -> float:
    """Return a share of the clouds that an option names.

    Raises:
        KgError: It is none.
    """
    try:
        share = float(value)
    except ValueError:
        share = -1
    if not 0 <= share < 1:
        raise KgError(f"{name} is a share of the clouds, 0 or more and below 1, not '{value}'.")
    return share


def _anchors_of(named: str) -> dict[str, Floats]:
    """Return the anchors (K, 3) of each category that a run of `follow` knows; none of anything else.

    What its network finds at rest is a little beside them, and with each training that goes on from the last
    farther from where the first had them.
    """
    if named in KINDS or (file := run_file(named)) is None:
        return {}
    model = load_checkpoint(file, torch.device("cpu")).model
    if not isinstance(model, Follow):
        return {}
    return dict(zip(model.config.categories or ("",), model.anchors.double().numpy(), strict=True))
