"""NAS-Bench-301's own surrogates (arXiv:2008.09777), where a user has exported them.

An ensemble of xgboost models for the validation accuracy and of lightgbm models for the seconds,
evaluated in numpy. How to export them: `docs/pages/how-to/nasbench301.md`.
"""

from __future__ import annotations

from collections.abc import Sequence

from nasrepro.oracles.convert.nasbench301 import Ensemble, convert, find
from nasrepro.oracles.nasbench301_yahpo import INFO as YAHPO
from nasrepro.oracles.spaces.dartscell import DartsCell
from nasrepro.suite.data import Table, TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, PredictingOracle, Seed
from nasrepro.suite.registry import oracle
from nasrepro.suite.space import Arch

#: Of the trainings that the surrogates were fitted to.
EPOCHS = 100
TABLE = TableSpec(name="nasbench301", version=1, files={}, converter=convert, local=find)
SPACE = DartsCell()

INFO = OracleInfo(
    name="nasbench301",
    space=SPACE,
    datasets=YAHPO.datasets,
    metrics=(
        Metric("valid_accuracy", "fraction", "valid", True, (0, 1), "predicted"),
        Metric("cost_s", "s", "none", False, (0, 1e7), "predicted, of the whole training"),
        *map(YAHPO.metric, ("params", "macs")),
    ),
    objective="valid_accuracy",
    target="valid_accuracy",
    citation="""@article{siems2020nasbench301,
  title = {{NAS-Bench-301} and the Case for Surrogate Benchmarks for Neural Architecture Search},
  author = {Julien Siems and Lucas Zimmer and Arber Zela and Jovita Lukasik and Margret Keuper and
            Frank Hutter},
  journal = {arXiv preprint},
  year = {2020},
  note = {arXiv:2008.09777}
}""",
    licence="Apache-2.0 (of the benchmark's repository)",
    table=TABLE,
    notes=(
        "a surrogate: every accuracy is a prediction, and what a search finds best is where it "
        "errs upwards as likely as where networks are good",
        "the mean over the ensemble, without the noise that the authors' API adds by default",
        "whole trainings of 100 epochs alone; no test accuracy, and no best value is known, so "
        "there is no regret",
        "made from an export of the authors' models, whose own predictions ours were held against; "
        "the models themselves are pickles and are not opened",
        "isomorphic cells get different answers",
    ),
)


class Surrogate(PredictingOracle):
    """Predicts by the trees of the table."""

    def __init__(self, table: Table) -> None:
        super().__init__(INFO, table.sha256)
        columns = {name: table.column(name) for name in table.names}
        self._predict = Ensemble(columns, table.meta)

    def epochs(self, dataset: str) -> tuple[int, ...]:
        """The whole training."""
        return (EPOCHS,)

    def _read(
        self, arch: Arch, dataset: Dataset, epochs: int, seed: Seed, names: Sequence[str]
    ) -> dict[str, float]:
        predicted = self._predict(SPACE.edges(arch))
        values = {
            "valid_accuracy": round(min(max(predicted["accuracy"] / 100, 0.0), 1.0), 9),
            "cost_s": round(max(predicted["seconds"], 0.0), 6),
        }
        return self._sized(values, arch, dataset, names)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the exported trees."""
    return Surrogate(open_table(TABLE))
