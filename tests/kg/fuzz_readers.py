"""Fuzz a reader of shapes, guided by what of its code a file reaches.

python tests/kg/fuzz_readers.py .obj 600    for ten minutes, with atheris; a file that fails is kept here
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["kg.data"]):
    from kg.data.read import READERS, read_shape
from kg.errors import KgError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "shapes"


def main() -> None:
    suffix, seconds = sys.argv[1:]
    assert suffix in READERS, f"one of {', '.join(sorted(READERS))}"
    with tempfile.TemporaryDirectory() as folder:
        file, corpus = Path(folder) / f"shape{suffix}", Path(folder) / "corpus"
        corpus.mkdir()
        for original in FIXTURES.iterdir():
            if original.suffix == suffix:
                (corpus / original.name).write_bytes(original.read_bytes())

        def read(content: bytes) -> None:
            file.write_bytes(content)
            said = ""
            try:
                shape = read_shape(file)
            except KgError as error:
                said = error.message
            if said:
                assert said.isprintable(), said
                assert str(file) in said, said
                return
            assert abs(shape.vertices).max() < float("inf")
            if shape.faces is not None:
                assert 0 <= shape.faces.min() <= shape.faces.max() < len(shape.vertices)

        limits = (
            f"-max_total_time={seconds}",
            "-max_len=20000",
            "-timeout=20",
            "-rss_limit_mb=4096",
            "-print_pcs=0",
        )
        atheris.Setup([sys.argv[0], *limits, str(corpus)], read)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
