"""A surrogate of Accel-NASBench over its whole space: trees fitted here to its 5,125 networks.

No network stands behind an answer. `nasrepro data info accel_surrogate` prints the error on
networks
that were held out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nasrepro.oracles.accel_nasbench import CITATION, FILE, IMAGENET, SIZES
from nasrepro.oracles.convert.accel_nasbench import WHOLE
from nasrepro.oracles.convert.accel_surrogate import convert, predict, roots_of
from nasrepro.oracles.spaces.mnasnet import MnasNet
from nasrepro.suite.data import Table, TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, PredictingOracle, Seed
from nasrepro.suite.registry import oracle
from nasrepro.suite.space import Arch

TABLE = TableSpec("accel_surrogate", 1, {"trainings": FILE}, convert)

INFO = OracleInfo(
    name="accel_surrogate",
    space=MnasNet(),
    datasets=(IMAGENET,),
    metrics=(
        Metric("valid_accuracy", "fraction", "valid", True, (0, 1), "predicted, top-1"),
        *SIZES,
    ),
    objective="valid_accuracy",
    target="valid_accuracy",
    citation=CITATION,
    licence="Apache-2.0",
    cost="",
    table=TABLE,
    notes=(
        "a surrogate: every accuracy is a prediction, and what a search finds best is where it "
        "errs "
        "upwards as likely as where networks are good",
        "fitted here, not the authors' surrogate; scikit-learn's gradient boosting (600 trees of "
        "depth 5), settings not tuned",
        "error on 1,025 networks held out of the fit: mean absolute .39 points, R2 .976, "
        "Kendall's tau .905",
        "one answer a network, without noise; no training time, so budgets are in queries",
        "no best value is known, so there is no regret",
    ),
)


class Surrogate(PredictingOracle):
    """Predicts by the trees of the table."""

    def __init__(self, table: Table) -> None:
        super().__init__(INFO, table.sha256)
        self.table = table
        self._nodes = {name: table.column(name) for name in table.names}
        self._roots = roots_of(self._nodes)

    def epochs(self, dataset: str) -> tuple[int, ...]:
        """One training of unstated length."""
        return (WHOLE,)

    def _read(
        self, arch: Arch, dataset: Dataset, epochs: int, seed: Seed, names: Sequence[str]
    ) -> dict[str, float]:
        predicted = predict(self._nodes, self._roots, np.array([arch.code]))[0]
        values = {"valid_accuracy": round(float(predicted), 9)}
        return self._sized(values, arch, dataset, names)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted trees."""
    return Surrogate(open_table(TABLE))
