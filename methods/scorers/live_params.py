"""Live parameters: a control without any network, as strong as many published proxies."""

from nasrepro.suite.registry import scorer


@scorer("live_params", paper="control", needs_network=False)
def score(space, arch, dataset):
    """Parameters of the network without the parts that lie on no path from input to output."""
    return space.complexity(space.live(arch), classes=dataset.classes, size=dataset.size).params
