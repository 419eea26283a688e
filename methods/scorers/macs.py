"""Multiply-accumulate operations: the control that every scorer must beat."""

from nasrepro.suite.registry import scorer


@scorer("macs", paper="control", needs_network=False)
def score(space, arch, dataset):
    """MACs of one forward pass of the network as built, dead parts included."""
    return space.complexity(arch, classes=dataset.classes, size=dataset.size).macs
