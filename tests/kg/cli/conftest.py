import pytest

from kg.cli.app import run


@pytest.fixture
def train(tiny_preset, tiny_store):
    def call(*words):
        return run(["train", "--store", str(tiny_store.path), "--preset", "tiny", "--cpu", *words])

    return call
