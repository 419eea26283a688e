"""Training-free scores of the BERT benchmark's encoders, by its authors (arXiv:2306.00288)."""

from __future__ import annotations

from nasrepro.oracles.bert_glue import CITATION, FOLDER, TABLE
from nasrepro.oracles.convert.references import BERT, convert_training_free_bert
from nasrepro.oracles.spaces.bertcell import BertSpace
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import ReferenceInfo, ReferenceTable
from nasrepro.suite.registry import reference_table

INFO = ReferenceInfo(
    name="training_free_bert",
    source="training_free",
    oracle="bert_glue",
    datasets=("glue",),
    scores=tuple(BERT),
    citation=CITATION,
    licence="CC BY 4.0",
    table=TableSpec(
        name="training_free_bert",
        version=1,
        files={
            "scores": SourceFile(
                f"{FOLDER}/BERT_results_activation.csv",
                "95fb60a0e702102d6b09a60d13745068270aa28183b7cc8dacb79d5ec6a4b36d",
                146923,
                "CC BY 4.0",
            ),
            "trainings": TABLE.files["trainings"],
        },
        converter=convert_training_free_bert,
    ),
    notes=(
        "14 scores: seven, each as it is and normalised by the number of layers or heads",
        "of an encoder that was drawn twice the first",
    ),
)


@reference_table(INFO)
def load() -> ReferenceTable:
    """The scores of the encoders, from the converted table."""
    space = BertSpace()
    return ReferenceTable(
        INFO, open_table(INFO.table), lambda arch: space.index(space.canonical(arch))
    )
