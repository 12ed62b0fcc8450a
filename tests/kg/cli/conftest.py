import pytest

from kg import config as configuration
from kg.cli.app import run


@pytest.fixture
def tiny_preset(tiny_config, monkeypatch):
    monkeypatch.setitem(configuration.PRESETS, "tiny", tiny_config)
    return tiny_config


@pytest.fixture
def train(tiny_preset, tiny_store):
    def call(*words):
        return run(["train", "--store", str(tiny_store.path), "--preset", "tiny", "--cpu", *words])

    return call
