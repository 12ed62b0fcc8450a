"""The backends that the operations are tested with."""

import pytest

BACKENDS = ("torch", "numba")


@pytest.fixture(params=BACKENDS)
def backend(request, monkeypatch):
    """Every test that takes it runs once with each backend of the CPU, forced."""
    monkeypatch.setenv("KG_KERNELS", request.param)
    return request.param
