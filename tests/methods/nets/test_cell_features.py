"""AZ-NAS's proxies on networks whose spectra and gradients are known."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from nasrepro.methods.nets.cell_features import cell_features, entropies
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import scorers


class Times(torch.nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * x


class Row(torch.nn.Module):
    def __init__(self, *cells: torch.nn.Module) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 4, 1, bias=False)
        self.cells = torch.nn.ModuleList(cells)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x)
        return x.mean((2, 3))


BATCH = [(torch.zeros(16, 3, 32, 32), torch.zeros(16, dtype=torch.long))]


def score(name: str, network: torch.nn.Module) -> float:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return scorers.get(name).score(network, BATCH)


def test_entropy_of_channels_that_vary_alike_is_the_logarithm_of_their_number() -> None:
    rows = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=2)))
    even, lone = rows.T.reshape(1, 2, 2, 2), (rows * torch.tensor([1.0, 0.0])).T.reshape(1, 2, 2, 2)
    assert entropies([even, lone]) == pytest.approx([math.log(2), 0.0], abs=1e-6)
    assert math.isnan(entropies([torch.ones(2, 3, 4, 4)])[0])


def test_expressivity_and_progressivity_of_cells_that_only_scale() -> None:
    """All maps have the stem's spectrum: at most 3 of 4 eigenvalues are not 0."""
    network = Row(Times(2), Times(3))
    expressivity = score("az_expressivity", network)
    assert 0 < expressivity < 3 * math.log(3) + 1e-6
    assert score("az_progressivity", network) == pytest.approx(0, abs=1e-5)


def test_trainability_is_best_where_gradients_keep_their_size() -> None:
    """Gradients are doubled and halved: 2 - 2 - 1/2 and 2 - 1/2 - 2, but for the draw of signs."""
    assert score("az_trainability", Row(Times(2), Times(0.5))) == pytest.approx(-0.5, abs=0.05)
    assert score("az_trainability", Row(Times(-1), Times(-1))) == pytest.approx(0, abs=0.01)
    assert score("az_trainability", Row(Times(1), Times(1))) == -math.inf


def test_a_cell_that_halves_the_image_has_its_positions_as_channels() -> None:
    network = Row(torch.nn.AvgPool2d(2), torch.nn.AvgPool2d(2))
    assert score("az_trainability", network) == pytest.approx(2 - 0.5 - 2, abs=0.1)


def test_a_dead_cell_is_the_worst() -> None:
    network = Row(Times(0), Times(0))
    assert score("az_expressivity", network) == score("az_progressivity", network) == -math.inf
    assert score("az_trainability", network) < -1e5


def test_weights_are_as_before_and_other_networks_are_refused() -> None:
    network = Row(Times(2), torch.nn.Conv2d(4, 4, 3, padding=1))
    before = [parameter.detach().clone() for parameter in network.parameters()]
    with cell_features(network, BATCH) as maps:
        assert [tuple(each.shape) for each in maps] == 3 * [(16, 4, 32, 32)]
    assert all(map(torch.equal, before, network.parameters()))
    with pytest.raises(NasreproError, match="row of cells"):
        score("az_expressivity", torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1)))
