import pytest

from kg.errors import KgError
from kg.evaluation.metrics import METRICS
from kg.evaluation.protocols import PROTOCOLS, find_protocol


def test_every_protocol_names_metrics_that_there_are():
    for name, protocol in PROTOCOLS.items():
        assert protocol.name == name
        for metric in (*protocol.metrics, *protocol.optional, *protocol.thresholds, *protocol.spaces):
            assert metric == "das" or metric in METRICS


def test_unknown():
    with pytest.raises(KgError, match="no protocol 'stritc'") as unknown:
        find_protocol("stritc")
    assert "Did you mean 'strict'?" in unknown.value.hint


def test_what_is_a_protocols_own():
    assert PROTOCOLS["paper"].covers("das-unsupervised")
    assert not PROTOCOLS["paper"].covers("coverage")
    assert PROTOCOLS["strict"].covers("chamfer")
