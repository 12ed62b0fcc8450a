"""Finding prepared stores, and what they are called."""

from pathlib import Path

from kg.data.find import labels


def test_of_many_stores_a_message_names_the_first():
    stores = [Path(f"/data/garments/shirt/fold{number}.h5") for number in range(20)]
    assert labels(stores[:2]) == "garments/shirt/fold0, garments/shirt/fold1"
    assert labels(stores).endswith("garments/shirt/fold7 and 12 more")
