"""Weight matrices move by orthogonal updates, everything else by AdamW."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from kg.train import muon
from kg.train.muon import MATCHED, Muon, orthogonal


@pytest.fixture(autouse=True)
def full_precision(monkeypatch):
    monkeypatch.setattr(muon, "fast_type", lambda kind: torch.float32)


@pytest.mark.parametrize("shape", [(24, 24), (24, 40), (40, 24)])
def test_all_singular_values_come_near_one_and_the_vectors_stay(shape):
    torch.manual_seed(0)
    matrix = torch.randn(*shape) * torch.logspace(0, -1, shape[1])
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    found = torch.stack([torch.linalg.multi_dot((u.T, each, v.T)) for each in orthogonal(matrix[None])])[0]
    assert found.diagonal().min() > 0.6
    assert found.diagonal().max() < 1.3
    assert (found - found.diagonal().diag()).abs().max() < 1e-3


def test_matrices_of_one_shape_do_not_mix():
    torch.manual_seed(0)
    several = torch.randn(3, 20, 30)
    torch.testing.assert_close(orthogonal(several)[1], orthogonal(several[1:2])[0])


def test_the_first_step_of_a_matrix_is_its_gradient_made_orthogonal():
    torch.manual_seed(0)
    matrix = nn.Parameter(torch.randn(20, 30))
    before, matrix.grad = matrix.detach().clone(), torch.randn(20, 30)
    expected = before * (1 - 0.01 * 0.1) - 0.01 * MATCHED * 30**0.5 * orthogonal(matrix.grad[None])[0]
    Muon([{"params": [matrix]}], lr=0.01, weight_decay=0.1).step()
    torch.testing.assert_close(matrix.detach(), expected)


def test_biases_and_heads_are_left_to_adamw():
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(4, 20), nn.Linear(20, 1030))  # 4 inputs, 1,030 rows: both no such matrix
    theirs = deepcopy(ours)
    mine = Muon([{"params": [*ours.parameters()]}], lr=0.01, weight_decay=0.1)
    other = torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(3):
        for model, optimizer in ((ours, mine), (theirs, other)):
            optimizer.zero_grad()
            model(torch.ones(2, 4)).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


def test_it_goes_on_from_its_state_as_if_it_had_not_stopped():
    torch.manual_seed(0)
    through = nn.Linear(20, 30)
    gradients = [torch.randn(30, 20) for _ in range(4)]

    def steps(model, optimizer, those):
        for gradient in those:
            model.weight.grad, model.bias.grad = gradient, gradient[:, 0].clone()
            optimizer.step()

    def make(model):
        return Muon([{"params": [*model.parameters()]}], lr=0.01, weight_decay=0.1)

    first = make(through)
    steps(through, first, gradients[:2])
    resumed, state = deepcopy(through), deepcopy(first.state_dict())
    steps(through, first, gradients[2:])
    second = make(resumed)
    second.load_state_dict(state)
    steps(resumed, second, gradients[2:])
    torch.testing.assert_close(resumed.state_dict(), through.state_dict())
