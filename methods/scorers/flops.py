"""FLOPs as the ZiCo paper's #FLOPs row has them: MACs of layers, and pooling counted too.

Deviations:
    - The paper does not say how it counts; ptflops, which the same authors' survey code calls,
      counts a pooling as one operation for each number that it reads. That reproduces the row to
      .005; convolutions alone (`macs`) do not.
"""

from nasrepro.suite.registry import scorer

_POOLS = ("avg_pool", "max_pool", "global_pool")


@scorer("flops", paper="arXiv:2301.11300", needs_network=False)
def score(space, arch, dataset):
    """MACs of one forward pass, and what poolings read, of the network as built."""
    layers = space.layers(arch, classes=dataset.classes, size=dataset.size)
    read = sum(each.in_channels * each.in_side**2 for each in layers if each.kind in _POOLS)
    return space.complexity(arch, classes=dataset.classes, size=dataset.size).macs + read
