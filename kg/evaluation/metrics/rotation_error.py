"""Rotation error: how well keypoints tell how a shape lies."""

import numpy as np
from numpy.typing import NDArray

from kg.data.rotations import angle_of, fit_rotation
from kg.evaluation.metrics.equivariance import TURN
from kg.evaluation.metrics.metric import DEGREES, PERCENT, Measured, Metric, Sample, Terms, mean_part

NEAR = 15.0
"""Degrees within which a rotation counts as found."""


def errors(keypoints: NDArray[np.floating], reference: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return by how many degrees the rotation to a reference is off, (n,), for shapes that lie as it does.

    Args:
        keypoints: (n, K, 3), of shapes that were turned, carried back.
        reference: (K, 3), where keypoints usually lie.
    """
    return np.array([float(angle_of(fit_rotation(own, reference))) for own in keypoints])


def _measure(sample: Sample, _: Terms) -> Measured:
    assert sample.detector is not None
    reference = sample.detector.category_keypoints()
    # A fit turns with what is fitted: carried back, what is left of the rotation is its error.
    turned = errors(sample.detector.keypoints(*TURN), reference)
    return Measured(
        {
            "mean": mean_part(turned),
            "within 15°": mean_part(100.0 * (turned <= NEAR)),
            "unturned": mean_part(errors(sample.keypoints, reference)),
        }
    )


METRIC = Metric(
    name="rotation-error",
    title="How far off the rotation to the category's frame is, of keypoints of a shape turned anyhow",
    units={"mean": DEGREES, "within 15°": PERCENT, "unturned": DEGREES},
    measure=_measure,
    truth="detector",
    lower_is_better=frozenset({"mean", "unturned"}),
    caution="Shapes of the store count as lying alike: what they differ by is in the error.",
)
