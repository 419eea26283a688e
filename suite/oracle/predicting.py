"""Oracles that predict any network of their space and list none: surrogates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nasrepro.suite.errors import NotTabulated
from nasrepro.suite.oracle.description import Dataset, Seed
from nasrepro.suite.oracle.oracle import Oracle
from nasrepro.suite.space import Arch


class PredictingOracle(Oracle):
    """One answer a network; authors write `_read` and `epochs`."""

    def seeds(self, dataset: str, epochs: int) -> tuple[Seed, ...]:
        """None: a prediction has no seed."""
        return ()

    def archs(self) -> Sequence[Arch]:
        """Raises NotTabulated: the space is not listed."""
        raise NotTabulated(
            f"{self.name} predicts any of its {self.space.count:,} networks; it lists none"
        )

    def _sized(
        self, predicted: Mapping[str, float], arch: Arch, dataset: Dataset, names: Sequence[str]
    ) -> dict[str, float]:
        """The metrics asked for: what was predicted, and the counted size of the network.

        `predicted` is rounded, so that no decision depends on last bits.
        """
        size = self.space.complexity(arch, classes=dataset.classes, size=dataset.size)
        values = {**predicted, "params": float(size.params), "macs": float(size.macs)}
        return {name: values[name] for name in names}
