"""Blend the weights of two trainings of `follow`, one of which went on from the other.

python tests/benchmarks/blend.py eighth.safetensors ninth.safetensors 0.7 garments.safetensors

Weights are so much of the second's; what is known of categories (places, anchors, what was calibrated) is all
the second's. Its anchors count as "seams", which they were taken over from.
"""

import json
import sys

from safetensors import safe_open
from safetensors.torch import load_file, save_file

KNOWN = ("anchors", "boxes", "landmarks", "misses", "places", "surface", "temperature", "ways")
"""Buffers that are no weights."""


def main() -> None:
    first, second, share, output = *sys.argv[1:3], float(sys.argv[3]), sys.argv[4]
    before, after = load_file(first), load_file(second)
    assert before.keys() == after.keys(), "they are of different networks"
    for name, values in after.items():
        if values.is_floating_point() and not name.startswith(KNOWN):
            mixed = (1 - share) * before[name].float() + share * values.float()
            after[name] = mixed.to(values.dtype)
    with safe_open(second, "pt") as file:
        about = dict(file.metadata())
    record = json.loads(about["kg"])
    record["config"]["model"]["detector_options"]["anchors"] = "seams"
    save_file(after, output, metadata={**about, "kg": json.dumps(record)})


if __name__ == "__main__":
    main()
