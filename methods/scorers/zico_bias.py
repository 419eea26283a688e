"""The bias term of ZiCo-BC (Bhardwaj et al., ICCV workshops 2023, arXiv:2309.14666, Eq. 2).

Deviations:
    - The paper does not say whether a layer's feature map is what it reads or what it writes: what
      it writes is taken. Layers are those that ZiCo sums over, convolutions and linear layers.
"""

from math import log

from nasrepro.suite.registry import scorer


@scorer("zico_bias", paper="arXiv:2309.14666, Eq. 2", needs_network=False)
def score(space, arch, dataset):
    """Sum over layers of ln(height x width / sqrt(channels)) of what they write.

    Dead parts are left out, as ZiCo leaves them out. The term grows with depth and falls with
    width; ZiCo-BC (`zico_bc`) subtracts it.
    """
    layers = space.layers(space.live(arch), classes=dataset.classes, size=dataset.size)
    return sum(
        log(layer.out_side**2) - log(layer.out_channels) / 2
        for layer in layers
        if layer.kind in ("conv", "linear")
    )
