"""Search spaces: architectures as values, and what every method may ask of a space."""

from nasrepro.suite.space.confined import ConfinedSpace
from nasrepro.suite.space.space import Arch, SearchSpace
from nasrepro.suite.space.structure import Block, Complexity, Graph, Growth, Layer, Topology

__all__ = [
    "Arch",
    "Block",
    "Complexity",
    "ConfinedSpace",
    "Graph",
    "Growth",
    "Layer",
    "SearchSpace",
    "Topology",
]
