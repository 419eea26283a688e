"""Live convolutions: the simplest control."""

from nasrepro.suite.registry import scorer


@scorer("live_conv_count", paper="control", needs_network=False)
def score(space, arch, dataset):
    """Convolutions of a cell that lie on a path from input to output."""
    return space.convs(space.live(arch))
