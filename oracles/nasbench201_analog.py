"""NAS-Bench-201's cells quantised and on simulated analog hardware (AnalogNAS-Bench), CIFAR-10.

Searched on validation images as `nasbench201` is, reported in the test accuracy of the analog
network after 30 days of drift. The file is in the package analog-nasbench (extra `tables`), which
is not imported, and at a pinned address.
"""

from __future__ import annotations

from nasrepro.oracles.convert.nasbench201 import SEARCHED
from nasrepro.oracles.convert.nasbench201_analog import TIMES, convert
from nasrepro.oracles.nasbench201 import INFO as PUBLISHED
from nasrepro.oracles.nasbench201 import TABLE as EXTRACTS
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle

TABLE = TableSpec(
    name="nasbench201_analog",
    version=1,
    files={
        **EXTRACTS.files,
        "analog": SourceFile(
            "IBM/analog-nas/71dae1f89f16d1d5bb5960bafdbfeee500a34b89/analognasbench/build/lib/analognasbench/data.anb",
            "85f3435b877aa2d36268d55ce07f6ff6d73643d17a840f1941745da5eb80db32",
            5610467,
            "Apache-2.0",
            package=("analog-nasbench", "analognasbench/data.anb"),
        ),
    },
    converter=convert,
)
_NETWORKS = {
    "": "trained on 50,000 images, floating point",
    "_ptq": "the same, quantised to 8 bits after training",
    "_qat": "the same, trained on with quantisation for 20 epochs",
    "_noisy": "the same, put on analog hardware as it is",
    "_analog": "the same, trained on with the hardware's noise",
}


def _accuracy(name: str, note: str) -> Metric:
    return Metric(f"test_accuracy{name}", "fraction", "test", True, (0, 1), note)


INFO = OracleInfo(
    name="nasbench201_analog",
    space=PUBLISHED.space,
    datasets=(PUBLISHED.dataset("cifar10"),),
    metrics=(
        *map(PUBLISHED.metric, SEARCHED),
        *(_accuracy(name, note) for name, note in _NETWORKS.items()),
        *(
            metric
            for network in ("noisy", "analog")
            for after in TIMES.values()
            for metric in (
                _accuracy(f"_{network}_{after}", f"{after} after programming, mean of 25 readings"),
                Metric(
                    f"spread_{network}_{after}",
                    "fraction",
                    "test",
                    False,
                    (0, 1),
                    "standard deviation of the 25 readings",
                ),
            )
        ),
    ),
    objective="valid_accuracy",
    target="test_accuracy_analog_30d",
    citation=f"""{PUBLISHED.citation}
@misc{{analognasbench,
  title = {{{{AnalogNAS-Bench}}: A {{NAS}} Benchmark for Analog In-Memory Computing}},
  year = {{2025}},
  note = {{arXiv:2506.18495}}
}}""",
    licence="Apache-2.0 (of the repository); none stated in the package",
    table=TABLE,
    notes=(
        "a simulation of phase-change memory, not measurements of a chip; one training a cell",
        "not for searching on analog accuracy: by the authors' training script every value is of "
        "test images (read through random crops and flips, 25 times), so a search sees "
        "NAS-Bench-201's validation, whose tau with the analog accuracy is .67, with that after "
        "30 days .66",
        "quantisation was calibrated, and its training's step sizes chosen, on those test images",
        "baselines are another training than NAS-Bench-201's (tau with its test accuracy .92)",
        "test_accuracy_analog_1min of the cell of skips alone is wrong in the file (87 % of a "
        "network of 57 %) and is missing here",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    space = INFO.space
    return TableOracle(INFO, open_table(TABLE), row=space.index, archs=lambda: tuple(space))
