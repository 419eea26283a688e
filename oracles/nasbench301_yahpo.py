"""NAS-Bench-301's trainings as YAHPO Gym's surrogate predicts them: the DARTS space on CIFAR-10.

It is not the surrogate of NAS-Bench-301's authors (`nasrepro data info nasbench301_yahpo` says how
far the two agree), and no network stands behind an answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from nasrepro.oracles.convert.nasbench301_yahpo import EPOCHS, Network, convert
from nasrepro.oracles.spaces.dartscell import DartsCell
from nasrepro.suite.data import SourceFile, Table, TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, PredictingOracle, Seed
from nasrepro.suite.registry import oracle
from nasrepro.suite.space import Arch

_FOLDER = "slds-lmu/yahpo_data/0e288068134f4af8d231c63d2a941e5ab8060ef0/nb301"
_LICENCE = "Apache-2.0"
TABLE = TableSpec(
    "nasbench301_yahpo",
    1,
    {
        "network": SourceFile(
            f"{_FOLDER}/model_v2.onnx",
            "e7168d495cf7fe6419b69234a052571536c2a5f6d7a8a2aead4e9d04dffac1d6",
            2781646,
            _LICENCE,
        ),
        "choices": SourceFile(
            f"{_FOLDER}/encoding_v2.json",
            "b16bb8db9aa5a9b688cd97e782643abe96bd166baa445675f57cbcf5e6128a98",
            6706,
            _LICENCE,
        ),
    },
    convert,
)

SPACE = DartsCell()
INFO = OracleInfo(
    name="nasbench301_yahpo",
    space=SPACE,
    datasets=(
        Dataset("cifar10", 10, 32, "40,000 training images, 10,000 for validation; no test part"),
    ),
    metrics=(
        Metric("valid_accuracy", "fraction", "valid", True, (0, 1), "predicted"),
        Metric(
            "cost_s",
            "s",
            "none",
            False,
            (0, 1e7),
            "predicted for the whole training, an equal share for each epoch",
        ),
        Metric(
            "params", "param", "none", False, (0, 1e9), "8 cells, 32 channels, no auxiliary head"
        ),
        Metric("macs", "MAC", "none", False, (0, 1e12), "of the same network"),
    ),
    objective="valid_accuracy",
    target="valid_accuracy",
    citation="""@inproceedings{pfisterer2022yahpo,
  title = {{YAHPO Gym}: An Efficient Multi-Objective Multi-Fidelity Benchmark for Hyperparameter
           Optimization},
  author = {Florian Pfisterer and Lennart Schneider and Julia Moosbauer and Martin Binder and
            Bernd Bischl},
  booktitle = {AutoML},
  year = {2022},
  note = {arXiv:2109.03670; trainings of arXiv:2008.09777}
}""",
    licence=_LICENCE,
    resumable=True,
    table=TABLE,
    notes=(
        "a surrogate: every accuracy is a prediction, and what a search finds best is where it "
        "errs upwards as likely as where networks are good",
        "not the surrogate of NAS-Bench-301's authors: Spearman's rho with the validation "
        "accuracies that NASLib has of theirs is .51 on 725 cells",
        "how well it fits held-out trainings is in YAHPO Gym's paper and not checked here",
        "one answer a network, without noise; isomorphic cells get different answers",
        "the seconds that it predicts for early epochs are too long (epoch 1: some 5 % of the "
        "whole), so epochs share those of epoch 98",
        "no test accuracy, and no best value is known, so there is no regret",
    ),
)


class Surrogate(PredictingOracle):
    """Predicts by the network of the table."""

    def __init__(self, table: Table) -> None:
        super().__init__(INFO, table.sha256)
        self._predict = Network(table.column("weight"), table.meta)

    def epochs(self, dataset: str) -> tuple[int, ...]:
        """1 to 98, of one training of 98."""
        return tuple(range(1, EPOCHS + 1))

    def _read(
        self, arch: Arch, dataset: Dataset, epochs: int, seed: Seed, names: Sequence[str]
    ) -> dict[str, float]:
        cells = SPACE.edges(arch)
        accuracy, seconds = self._predict(cells, epochs)
        if epochs < EPOCHS:
            _, seconds = self._predict(cells, EPOCHS)
        values = {
            "valid_accuracy": round(accuracy, 9),
            "cost_s": round(seconds * epochs / EPOCHS, 6),
        }
        return self._sized(values, arch, dataset, names)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the network's weights."""
    return Surrogate(open_table(TABLE))
