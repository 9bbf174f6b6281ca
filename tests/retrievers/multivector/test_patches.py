from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from svrag.retrievers.multivector.patches import by_products


@pytest.mark.parametrize("bias", [True, False])
def test_products_are_what_the_convolution_gives(bias: bool) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv3d(3, 7, (2, 4, 4), stride=(2, 4, 4), bias=bias), nn.Flatten(), nn.Linear(7, 2))
    before = copy.deepcopy(model)
    by_products(model)
    assert model.state_dict().keys() == before.state_dict().keys()
    patches = torch.randn(5, 3, 2, 4, 4)
    assert type(model[0]) is not nn.Conv3d
    assert model[0](patches).shape == before[0](patches).shape == (5, 7, 1, 1, 1)
    torch.testing.assert_close(model(patches), before(patches))
    for some in (model, before):
        some(patches).square().sum().backward()
    for own, other in zip(model.parameters(), before.parameters(), strict=True):
        torch.testing.assert_close(own.grad, other.grad)
