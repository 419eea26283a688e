"""What is registered: methods, scorers, studies, oracles, trainers, devices, references."""

from nasrepro.suite.registry.decorators import (
    device_table,
    method,
    oracle,
    reference_table,
    scorer,
    study,
    trainer,
)
from nasrepro.suite.registry.entries import (
    DeviceEntry,
    Method,
    OracleEntry,
    ReferenceEntry,
    Scorer,
    Study,
    Trainer,
)
from nasrepro.suite.registry.loading import load_devices, load_oracle, load_references
from nasrepro.suite.registry.registry import (
    Registry,
    devices,
    methods,
    oracles,
    references,
    scorers,
    studies,
    trainers,
)

__all__ = [
    "DeviceEntry",
    "Method",
    "OracleEntry",
    "ReferenceEntry",
    "Registry",
    "Scorer",
    "Study",
    "Trainer",
    "device_table",
    "devices",
    "load_devices",
    "load_oracle",
    "load_references",
    "method",
    "methods",
    "oracle",
    "oracles",
    "reference_table",
    "references",
    "scorer",
    "scorers",
    "studies",
    "study",
    "trainer",
    "trainers",
]
