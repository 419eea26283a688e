"""491 BERT-like encoders with their scores on eight GLUE tasks (arXiv:2306.00288).

The data sets are the tasks, and `glue`, their mean. Searches stay among the encoders.
"""

from __future__ import annotations

from nasrepro.oracles.convert.bert_glue import TASKS, convert
from nasrepro.oracles.spaces.bertcell import BertSpace
from nasrepro.oracles.spaces.pool import Pool, row_among
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle

FOLDER = "aaronserianni/training-free-nas/2d76e01b9586cad7340e8268dadba3056efd070b/data"
CITATION = """@inproceedings{serianni2023trainingfree,
  title = {Training-free Neural Architecture Search for {RNNs} and {Transformers}},
  author = {Aaron Serianni and Jugal Kalita},
  booktitle = {Annual Meeting of the Association for Computational Linguistics},
  year = {2023},
  note = {arXiv:2306.00288}
}"""
_CLASSES = {"mnli": 3, "sts": 1}

TABLE = TableSpec(
    name="bert_glue",
    version=1,
    files={
        "trainings": SourceFile(
            f"{FOLDER}/BERT_benchmark.json",
            "fa2ff7198dcd71e0b8021ed2ace1c221672c33cc56931b6dff31fda3d044784f",
            453164,
            "CC BY 4.0",
        )
    },
    converter=convert,
)

INFO = OracleInfo(
    name="bert_glue",
    space=BertSpace(),
    datasets=tuple(
        Dataset(
            task,
            _CLASSES.get(task, 2),
            128,
            "the mean of the eight scores" if task == "glue" else "GLUE's own score of the task",
        )
        for task in TASKS
    ),
    metrics=(
        Metric(
            "valid_score",
            "1",
            "valid",
            True,
            (-1, 1),
            "GLUE's score over 100: accuracy, F1 or a correlation (CoLA, STS)",
        ),
        Metric("cost_s", "s", "none", False, (0, 1e7), "pre-training on 8 TPU cores"),
    ),
    objective="valid_score",
    target="valid_score",
    citation=CITATION,
    licence="CC BY 4.0",
    table=TABLE,
    notes=(
        "no test scores: results are in the scores that were searched on, which favours lucky runs",
        "a sample of 491 encoders: searches stay inside, and step to the 8 nearest",
        "one training an encoder, but for nine that were drawn twice (run2): noise is hardly known",
        "the whole training (100,000 steps) counts as 1 epoch",
        "the parameters printed with it ignore hidden size and feed-forward width, so they are not "
        "those of the networks and are left out",
        "size stands for the length of the text, tokens",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    whole, table = BertSpace(), open_table(TABLE)
    archs = tuple(map(whole.at, table.column("index").tolist()))
    rows = {arch: row for row, arch in enumerate(archs)}
    row = row_among(rows, INFO.name, whole, "encoders that it has", whole.canonical)
    return TableOracle(INFO, table, row=row, archs=lambda: archs, space=Pool(whole, archs))
