"""Correspondence where a garment lies any way: the least over the turn that its shape does not show."""

from dataclasses import replace

from kg.evaluation.metrics import correspondence

METRIC = replace(
    correspondence.METRIC,
    name="correspondence-symmetric",
    title="The same, of each cloud as it is or turned by half a turn about the vertical, whichever is less",
    measure=lambda sample, _: correspondence.measure_drift(
        sample, correspondence.drift_of(sample, symmetric=True)
    ),
    truth="symmetry",
)
