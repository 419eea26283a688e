"""The #FLOPs row of the ZiCo paper counts pooling."""

from __future__ import annotations

from nasrepro.suite.oracle import Dataset
from nasrepro.suite.registry import load_oracle, scorers


def test_poolings_count_what_they_read():
    space, data = load_oracle("digits201").space, Dataset("digits", 10, 8)

    def flops(cell: str) -> float:
        return scorers.get("flops").score(space, space.parse(cell), data)

    def macs(cell: str) -> float:
        return scorers.get("macs").score(space, space.parse(cell), data)

    skip = "|skip_connect~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    pool = skip.replace("skip_connect", "avg_pool_3x3")
    assert macs(skip) == macs(pool)
    layers = space.layers(space.parse(pool), classes=10, size=8)
    pools = [layer for layer in layers if layer.kind == "avg_pool" and layer.kernel == 3]
    assert flops(pool) - flops(skip) == sum(p.in_channels * p.in_side**2 for p in pools) > 0
