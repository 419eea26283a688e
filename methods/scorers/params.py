"""Number of parameters: the control that every scorer must beat."""

from nasrepro.suite.registry import scorer


@scorer("params", paper="control", needs_network=False)
def score(space, arch, dataset):
    """Trainable parameters of the network as built, dead parts included."""
    return space.complexity(arch, classes=dataset.classes, size=dataset.size).params
