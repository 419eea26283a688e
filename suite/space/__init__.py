"""Search spaces: architectures as values, and what every method may ask of a space."""

from nasrepro.suite.space.arch import Arch, write_with
from nasrepro.suite.space.confined import ConfinedSpace
from nasrepro.suite.space.optional import Built, Described, Growing, Layered, Topological
from nasrepro.suite.space.space import SearchSpace
from nasrepro.suite.space.structure import Block, Complexity, Graph, Growth, Layer, Topology

__all__ = [
    "Arch",
    "Block",
    "Built",
    "Complexity",
    "ConfinedSpace",
    "Described",
    "Graph",
    "Growing",
    "Growth",
    "Layer",
    "Layered",
    "SearchSpace",
    "Topological",
    "Topology",
    "write_with",
]
