"""Supernets: one path is the stand-alone network, a mixture is the sum of its operations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.macro import MacroSpace
from nasrepro.oracles.spaces.size import SizeSpace
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.space import SearchSpace

SPACES = [
    Cell201(channels=4, cells=2, stages=2, in_channels=1),
    MacroSpace(channels=4, head=16, in_channels=1),
]
IMAGES = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("training", [True, False])
def test_path_is_the_stand_alone_network(space: SearchSpace, training: bool) -> None:
    torch.manual_seed(0)
    supernet, rng = space.supernet(classes=10), np.random.default_rng(0)
    for _ in range(6):
        arch = space.sample(rng)
        supernet.choose(arch.code)
        alone = space.build(arch, classes=10)
        alone.load_state_dict(supernet.path(arch.code).state_dict())
        supernet.train(training)
        alone.train(training)
        assert torch.allclose(supernet(IMAGES), alone(IMAGES), atol=1e-6)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_one_hot_gates_are_a_path(space: SearchSpace) -> None:
    torch.manual_seed(0)
    supernet = space.supernet(classes=10).eval()
    arch = space.sample(np.random.default_rng(1))
    gates = torch.eye(space.cardinalities[0])[list(arch.code)]
    supernet.choose(arch.code)
    alone = supernet(IMAGES)
    supernet.mix(gates)
    assert torch.allclose(supernet(IMAGES), alone, atol=1e-6)
    supernet.mix(gates, [(option,) for option in arch.code])
    assert torch.equal(supernet(IMAGES), alone)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_one_path_holds_the_numbers_of_one_network(space: SearchSpace) -> None:
    """What layers write, and so what a backward pass keeps, is that of the path alone."""

    def written(network: torch.nn.Module) -> int:
        sizes: list[int] = []
        handles = [
            module.register_forward_hook(lambda _, given, result: sizes.append(result.numel()))
            for module in network.modules()
            if isinstance(module, torch.nn.Conv2d | torch.nn.BatchNorm2d)
        ]
        network(IMAGES)
        for handle in handles:
            handle.remove()
        return sum(sizes)

    supernet, arch = space.supernet(classes=10), space.sample(np.random.default_rng(1))
    supernet.choose(arch.code)
    one = written(supernet)
    assert one == written(space.build(arch, classes=10))
    supernet.mix(torch.full((len(arch.code), space.cardinalities[0]), 0.5))
    assert written(supernet) > one


def test_gradient_of_a_gate_is_its_finite_difference() -> None:
    torch.manual_seed(0)
    space = SPACES[0]
    supernet = space.supernet(classes=10).eval().double()
    images = IMAGES.double()
    gates = torch.rand(6, 5, dtype=torch.double)

    def value(at: torch.Tensor) -> torch.Tensor:
        supernet.mix(at)
        return supernet(images).square().sum()

    assert torch.autograd.gradcheck(value, gates.requires_grad_())


def test_space_without_supernet_says_so() -> None:
    with pytest.raises(NasreproError, match="size has no supernet"):
        SizeSpace().supernet(classes=10)
