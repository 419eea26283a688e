"""Oracles: what a table or a trainer answers, and what is known of it.

Devices and references beside it.
"""

from nasrepro.suite.oracle.description import MEAN, Dataset, Metric, OracleInfo, Seed, Split, Unit
from nasrepro.suite.oracle.devices import Cost, Device, DeviceInfo, DeviceTable, Values, agreement
from nasrepro.suite.oracle.images import ImageParts, ImageSet, Part
from nasrepro.suite.oracle.oracle import (
    RANDOM,
    Oracle,
    Reader,
    Reading,
    answering,
    closed_to_methods,
    is_searching,
    searching,
)
from nasrepro.suite.oracle.predicting import PredictingOracle
from nasrepro.suite.oracle.references import ReferenceInfo, ReferenceTable
from nasrepro.suite.oracle.tabular import TableOracle
from nasrepro.suite.oracle.workshop import Workshop, Workshops

__all__ = [
    "MEAN",
    "RANDOM",
    "Cost",
    "Dataset",
    "Device",
    "DeviceInfo",
    "DeviceTable",
    "ImageParts",
    "ImageSet",
    "Metric",
    "Oracle",
    "OracleInfo",
    "Part",
    "PredictingOracle",
    "Reader",
    "Reading",
    "ReferenceInfo",
    "ReferenceTable",
    "Seed",
    "Split",
    "TableOracle",
    "Unit",
    "Values",
    "Workshop",
    "Workshops",
    "agreement",
    "answering",
    "closed_to_methods",
    "is_searching",
    "searching",
]
