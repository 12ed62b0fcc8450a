"""What is in a prepared store, at a glance."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.data.store import Clouds, Store
from kg.viz.contact_sheets import choose_shapes, contact_sheet
from kg.viz.origin import up_of
from kg.viz.picture import Rendered
from kg.viz.style import DEFAULT, Style


def draw_store(
    store: Store, output: Path, shapes: int = 12, style: Style = DEFAULT, ids: Sequence[str] = ()
) -> Rendered:
    """Write a sheet of a store's shapes, evenly chosen or those of `ids`, with their landmarks if it has any.

    A landmark has one colour on all shapes, by its semantic id.

    Raises:
        KgError: As for `kg.viz.render`.
    """
    clouds = store.read_rows(np.unique(choose_shapes(store.read_column("ids"), shapes, ids)))
    style = replace(style, up=style.up or up_of(store))
    return contact_sheet(list(clouds.points), output, clouds.ids, style, landmarks(clouds))


def landmarks(clouds: Clouds) -> list[NDArray[np.float32]]:
    """Return each cloud's landmarks by semantic id, (A, 3) each, NaN where it has none of that id."""
    if clouds.landmarks is None or clouds.landmark_ids is None:
        return []
    known = np.unique(clouds.landmark_ids[clouds.landmark_ids >= 0])
    places = np.full((len(clouds), len(known), 3), np.nan, dtype=np.float32)
    row, slot = np.nonzero(clouds.landmark_ids >= 0)
    places[row, np.searchsorted(known, clouds.landmark_ids[row, slot])] = clouds.landmarks[row, slot]
    return list(places)
