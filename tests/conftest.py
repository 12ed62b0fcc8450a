from pathlib import Path

import pytest
import torch

# On a busy machine a second thread costs the tests more than it gives.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("KG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KG_RUNS", str(tmp_path / "runs"))


@pytest.fixture
def shared_data():
    return REPOSITORY.parent / "shared" / "data"
