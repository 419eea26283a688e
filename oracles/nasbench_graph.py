"""NAS-Bench-Graph (arXiv:2206.09166).

26,206 graph networks on eight graphs, five operations on a ninth.

Node classification: Cora, CiteSeer, PubMed, Coauthor CS and Physics, Amazon Photo and Computers,
ogbn-arXiv. On ogbn-proteins (`nasbench_graph_proteins`) the benchmark has five of the nine
operations, so 2,021 architectures, and another metric.
"""

from __future__ import annotations

from nasrepro.oracles.convert.nasbench_graph import PROTEINS_OPS, convert, convert_proteins
from nasrepro.oracles.spaces.graphnet import GraphNet
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle
from nasrepro.suite.space import Arch

_FOLDER = "THUMNLab/NAS-Bench-Graph/be42534b56f6aaab2c3d6145b10eda9cbde10193/nas-bench-graph/light"
_FILES = {
    "cora": ("5e69b2f9bb08d8927d9ffd4921f8494a3cea349c9c3a461334cb9dc9e11701a8", 2036857),
    "citeseer": ("99c7f79b73372636305bf73fb32a58b63c57bd1871a152dd62ec72d984c8c50f", 2036857),
    "pubmed": ("10b4dcf6cfd3a24f6059f7d541a4a872960b4adac0b3dba26abed1bb9a3d904d", 2036857),
    "cs": ("71ae8469930517160b024f52db6000a4897f1aff5d765beb27bb60952ed5bd31", 2036857),
    "physics": ("1e309bafee0b832c8b84fa3c039c36992bc0a910238b128f26b7e9190d7f2aea", 2036857),
    "photo": ("5511b4dc3f63fa988792177227db7901290fb9b27fc6c02e3036b29e134ed6df", 2036857),
    "computers": ("fdb3dc0cf405d62322f0ab9614b2083c2a5e6576c2f43e4f2214be64bc62b1b3", 2036857),
    "arxiv": ("7ee21a7653297a806c0ed1be3efe6ecc06acc84e48e942da0bfde0e5d287debe", 2036857),
    "proteins": ("b9e7fb0902bda44fec32c948e5fde822fb22d38d674c52e43ace5197378f2d21", 245616),
}
#: Classes and node features of each graph (those of the public data sets).
_GRAPHS = {
    "cora": (7, 1433),
    "citeseer": (6, 3703),
    "pubmed": (3, 500),
    "cs": (15, 6805),
    "physics": (5, 8415),
    "photo": (8, 745),
    "computers": (10, 767),
    "arxiv": (40, 128),
    "proteins": (112, 8),
}
_SIZES = (
    Metric("latency", "ms", "none", False, (0, 1e6), "of one pass on the authors' GPU"),
    Metric("params", "param", "none", False, (0, 1e9), "rounded from the file's millions"),
)
_CITATION = """@inproceedings{qin2022nasbenchgraph,
  title = {{NAS-Bench-Graph}: Benchmarking Graph Neural Architecture Search},
  author = {Yijian Qin and Ziwei Zhang and Xin Wang and Zeyang Zhang and Wenwu Zhu},
  booktitle = {Advances in Neural Information Processing Systems, Datasets and Benchmarks},
  year = {2022},
  note = {arXiv:2206.09166}
}"""
_NOTES = (
    "means of three seeds alone: no single seed, no training curve, no training time, so budgets "
    "are "
    "in queries",
    "the number of epochs is not in the files: the whole training counts as 1",
    "samples are uniform over codes, of which up to a few hundred are one architecture",
    "sizes cannot be counted without the graph and the width tuned for it: params are the table's, "
    "there are no MACs",
)


def _files(names: tuple[str, ...]) -> dict[str, SourceFile]:
    return {
        name: SourceFile(
            f"{_FOLDER}/{name}.bench",
            *_FILES[name],
            "Apache-2.0",
            package=("nas-bench-graph", f"nas_bench_graph/light/{name}.bench"),
        )
        for name in names
    }


def _dataset(name: str) -> Dataset:
    classes, features = _GRAPHS[name]
    return Dataset(name, classes, features, f"a graph; {features:,} features a node")


_EIGHT = tuple(name for name in _FILES if name != "proteins")
TABLE = TableSpec(
    name="nasbench_graph",
    version=1,
    files=_files(_EIGHT),
    converter=convert,
)
INFO = OracleInfo(
    name="nasbench_graph",
    space=GraphNet(),
    datasets=tuple(map(_dataset, _EIGHT)),
    metrics=(
        Metric("valid_accuracy", "fraction", "valid", True, (0, 1), "mean of three seeds"),
        Metric("test_accuracy", "fraction", "test", True, (0, 1), "mean of three seeds"),
        *_SIZES,
    ),
    objective="valid_accuracy",
    target="test_accuracy",
    citation=_CITATION,
    licence="Apache-2.0",
    cost="",
    table=TABLE,
    notes=(
        "not for the order among the best: inside the best 1 % by validation, Kendall's tau of "
        "validation and test lies between -.26 and .20; over all between .35 and .87 (arxiv)",
        *_NOTES,
        "parameters are sums over the operations (all graphs but physics, where widths differ)",
    ),
)

PROTEINS_TABLE = TableSpec(
    name="nasbench_graph_proteins",
    version=1,
    files=_files(("proteins",)),
    converter=convert_proteins,
)
PROTEINS = OracleInfo(
    name="nasbench_graph_proteins",
    space=GraphNet(PROTEINS_OPS),
    datasets=(_dataset("proteins"),),
    metrics=(
        Metric("valid_auc", "1", "valid", True, (0, 1), "area under the ROC curve; three seeds"),
        Metric("test_auc", "1", "test", True, (0, 1), "area under the ROC curve; three seeds"),
        *_SIZES,
    ),
    objective="valid_auc",
    target="test_auc",
    citation=_CITATION,
    licence="Apache-2.0",
    cost="",
    table=PROTEINS_TABLE,
    notes=(
        "validation says little about test: Kendall's tau .35 over all 2,021 architectures",
        *_NOTES,
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table of eight graphs."""
    return _open(INFO, TABLE, GraphNet())


@oracle(PROTEINS)
def load_proteins() -> Oracle:
    """The oracle over the converted table of proteins."""
    return _open(PROTEINS, PROTEINS_TABLE, GraphNet(PROTEINS_OPS))


def _open(info: OracleInfo, spec: TableSpec, space: GraphNet) -> Oracle:
    table = open_table(spec)
    keys = table.column("key").tolist()
    rows = {key: row for row, key in enumerate(keys)}

    def row(arch: Arch) -> int:
        return rows[space.key(arch)]

    return TableOracle(info, table, row=row, archs=lambda: tuple(map(space.keyed, keys)))
