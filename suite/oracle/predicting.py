"""Oracles that predict any network of their space and list none: surrogates."""

from __future__ import annotations

from collections.abc import Sequence

from nasrepro.suite.errors import NotTabulated
from nasrepro.suite.oracle.description import Seed
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
