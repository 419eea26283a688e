"""AccPar: tensor partitioning for arrays of accelerators (Song et al., HPCA 2020).

The paper's address is 10.1109/HPCA47549.2020.00036.

    # a level splits every layer between two halves of the array: I batch, II inputs, III outputs
    exchange(l, t) <- I: gradient;  II: partial sums of the output;  III: partial sums of the error
    convert(p, t)  <- feature and error between layers of types p and t, see `CONVERT`
    c[0][t] <- exchange(0, t)
    for l = 1..L-1, all t:  c[l][t] <- exchange(l, t) + min over p of (c[l-1][p] + convert(p, t))
    types <- trace back from the least c[L-1][t];  scale each layer's split side by the share
    repeat for both halves until single accelerators are left
    time of a half <- 2 bytes * elements of all its levels / bandwidth + its operations / speed

Deviations:
    - The paper's body was not read: the table of costs, batch 512 and the networks are those of the
      authors' code (linghaosong/AccPar, commit 51515db), which searches for the least
      communication, splits evenly, and knows no computation. Computing, bandwidths and the ratio of
      unequal halves are recalled (abstract: "cost of computation and communication, flexible
      ratio"), so the ratio is set by one of several stated rules and all are reported.
    - With unequal halves the types minimise the seconds of communication of both, summed; the paper
      is not known to say which.
    - A rule with another ratio for each layer is left out: `CONVERT` holds for one ratio only.
    - Residual additions ("shortcuts") end where the authors' code has them end and cost what it
      says. Their programming follows stored predecessors there, so it may miss the optimum; ours
      carries the type at the shortcut's start along (9 states) and is exact. `shortcuts = "code"`
      is theirs, "none" leaves the additions out.
    - Their classifier of ResNet-18 and 34 has 2,048 inputs; 512 here, as the networks have.
    - LeNet is Caffe's (20 and 50 filters of 5x5), which HyPar used [recalled]; HyPar is the search
      over I and II, "one weird trick" is I for convolutions and II for the classifier (their code).
    - Any architecture whose space lists its layers is a chain here: skips and branches are ignored,
      and a grouped convolution exchanges as an ungrouped one does, but for its smaller gradient.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.registry import load_oracle, study
from nasrepro.suite.space import Arch, SearchSpace
from nasrepro.suite.statistics import kendall

Values = NDArray[np.float64]
Types = NDArray[np.intp]
Shortcuts = Literal["exact", "code", "none"]
#: Types that a scheme may choose from; the other two schemes choose nothing.
SCHEMES = {"data parallelism": 0, "one weird trick": 0, "HyPar": 2, "AccPar": 3}
RULES = ("even", "compute", "level", "end", "scan")
WORD_BYTES = 2  # bfloat16
#: Shares that the rules "level" and "scan" try; the ends leave one half nearly idle.
GRID = np.round(np.arange(0.02, 0.981, 0.01), 2)


# -- networks --------------------------------------------------------------------------------------
class Layer(NamedTuple):
    """A convolution or a fully connected layer (kernel and sides 1).

    `side_out` is behind the pooling that follows, `side` that of the convolution's own output.
    """

    kind: Literal["conv", "fc"]
    inputs: int
    outputs: int
    kernel: int = 1
    side_in: int = 1
    side_out: int = 1
    side: int = 1
    groups: int = 1

    @property
    def weights(self) -> int:
        """Number of weights."""
        return self.inputs * self.outputs * self.kernel**2 // self.groups

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of one forward pass of one image."""
        return self.weights * self.side**2


@dataclass(frozen=True)
class Network:
    """Layers in order; `shortcuts[l] = s`: the addition of layer s's output to the input of l."""

    layers: tuple[Layer, ...]
    shortcuts: Mapping[int, int] = field(default_factory=dict)

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of one forward pass of one image."""
        return sum(layer.macs for layer in self.layers)

    def sizes(self, batch: float) -> Values:
        """Batch, input channels, output channels of each layer, shape (L, 3)."""
        return np.array([[batch, layer.inputs, layer.outputs] for layer in self.layers], float)


def _conv(inputs: int, outputs: int, kernel: int, before: int, after: int, pool: int = 1) -> Layer:
    return Layer("conv", inputs, outputs, kernel, before, after, after * pool)


def _lenet() -> Network:
    convs = _conv(1, 20, 5, 28, 12, 2), _conv(20, 50, 5, 12, 4, 2)
    return Network((*convs, Layer("fc", 800, 500), Layer("fc", 500, 10)))


def _alexnet() -> Network:
    convs = (
        _conv(3, 96, 11, 224, 55),
        _conv(96, 256, 5, 55, 27, 2),
        _conv(256, 384, 3, 27, 13, 2),
        _conv(384, 384, 3, 13, 13),
        _conv(384, 256, 3, 13, 6, 2),
    )
    return Network((*convs, *_classifier(9216)))


def _classifier(inputs: int) -> tuple[Layer, ...]:
    return Layer("fc", inputs, 4096), Layer("fc", 4096, 4096), Layer("fc", 4096, 1000)


def _vgg(depths: Sequence[int]) -> Network:
    layers, width, side = [], 3, 224
    for depth, outputs in zip(depths, (64, 128, 256, 512, 512), strict=True):
        for _ in range(depth - 1):
            layers.append(_conv(width, outputs, 3, side, side))
            width = outputs
        layers.append(_conv(width, outputs, 3, side, side // 2, 2))
        width, side = outputs, side // 2
    return Network((*layers, *_classifier(512 * 7 * 7)))


def _resnet(depths: Sequence[int], bottleneck: bool) -> Network:
    """As in the authors' code: all blocks of a stage have its own channels, no projections."""
    layers = [_conv(3, 64, 7, 224, 56, 2)]
    for depth, width, side in zip(depths, (64, 128, 256, 512), (56, 28, 14, 7), strict=True):
        three = _conv(width, width, 3, side, side)
        ends = _conv(width, width, 1, side, side), _conv(width, 4 * width, 1, side, side)
        layers += depth * ([ends[0], three, ends[1]] if bottleneck else [three, three])
    span = 3 if bottleneck else 2
    starts = range(1, len(layers) - span + 1, span)
    classifier = Layer("fc", 2048 if bottleneck else 512, 1000)
    return Network((*layers, classifier), {start + span: start for start in starts})


NETWORKS = {
    "LeNet": _lenet(),
    "AlexNet": _alexnet(),
    "VGG-11": _vgg((1, 1, 2, 2, 2)),
    "VGG-13": _vgg((2, 2, 2, 2, 2)),
    "VGG-16": _vgg((2, 2, 3, 3, 3)),
    "VGG-19": _vgg((2, 2, 4, 4, 4)),
    "ResNet-18": _resnet((2, 2, 2, 2), bottleneck=False),
    "ResNet-34": _resnet((3, 4, 6, 3), bottleneck=False),
    "ResNet-50": _resnet((3, 4, 6, 3), bottleneck=True),
}


def network_of(space: SearchSpace, arch: Arch, *, classes: int, size: int) -> Network:
    """The convolutions and linear layers of an architecture, as a chain."""
    return Network(
        tuple(
            Layer(
                "conv" if layer.kind == "conv" else "fc",
                layer.in_channels,
                layer.out_channels,
                layer.kernel,
                layer.in_side,
                layer.out_side,
                layer.out_side,
                layer.groups,
            )
            for layer in space.layers(arch, classes=classes, size=size)
            if layer.kind in ("conv", "linear")
        )
    )


# -- what a level costs ----------------------------------------------------------------------------
def convert(share: float) -> Values:
    """Elements of a feature map and its error that a party with `share` receives.

    As parts of one map, shape (3, 3), by the types of the layers before and after. Derived from
    what each type holds: the layer before leaves its output in rows (I), whole (II) or in
    columns (III), the one after reads its input in rows, columns or whole; errors the other way.
    """
    rest = 1 - share
    return np.array(
        [
            [0, 2 * share * rest, rest],
            [rest, rest, 0],
            [2 * share * rest, 0, rest],
        ]
    )


def level_costs(network: Network, sizes: Values, share: float) -> tuple[Values, Values]:
    """Elements that a party receives inside layers, (L, 3), and before them, (L, 3, 3)."""
    batch, inputs, outputs = sizes.T
    area = np.array([layer.kernel**2 / layer.groups for layer in network.layers])
    before = batch * inputs * np.array([layer.side_in**2 for layer in network.layers])
    after = batch * outputs * np.array([layer.side_out**2 for layer in network.layers])
    inside = np.stack([inputs * outputs * area, after, before], axis=1)
    return inside, before[:, None, None] * convert(share)


def price(
    inside: Values, between: Values, types: Sequence[int] | Types, shortcuts: Mapping[int, int]
) -> float:
    """Elements that a party receives in a level where layer l has `types[l]`."""
    chosen = np.asarray(types)
    layers = np.arange(len(chosen))
    chain = inside[layers, chosen].sum() + between[layers[1:], chosen[:-1], chosen[1:]].sum()
    return float(
        chain + sum(between[end, chosen[start], chosen[end]] for end, start in shortcuts.items())
    )


# -- dynamic programming ---------------------------------------------------------------------------
def best_types(
    inside: Values, between: Values, shortcuts: Mapping[int, int], choices: int = 3
) -> Types:
    """The types of least price, exact for shortcuts that follow one another.

    Args:
        inside: elements inside layers, from `level_costs`.
        between: elements before layers, likewise.
        shortcuts: {end: start}; one may begin where another ends, none inside another.
        choices: 2 for types I and II alone.
    """
    starts = sorted(shortcuts.values())
    if any(start < end for end, start in zip(sorted(shortcuts), starts[1:], strict=False)):
        raise NasreproError("accpar: shortcuts inside one another are not searched exactly")
    kept = slice(choices)
    least = _anchored(inside[0, kept])  # [type at the open shortcut's start, type of this layer]
    steps = []
    for layer in range(1, len(inside)):
        anchor = None
        if layer - 1 in starts:
            anchor = least.argmin(axis=0)
            least = _anchored(least.min(axis=0))
        paths = least[:, :, None] + between[layer, kept, kept]
        steps.append((anchor, paths.argmin(axis=1)))
        least = paths.min(axis=1) + inside[layer, kept]
        if layer in shortcuts:
            least = least + between[layer, kept, kept]
    start, own = divmod(int(least.argmin()), choices)
    types = [own]
    for anchor, before in reversed(steps):
        own = int(before[start, own])
        start = start if anchor is None else int(anchor[own])
        types.append(own)
    return np.array(types[::-1])


def _anchored(least: Values) -> Values:
    table = np.full((len(least), len(least)), np.inf)
    np.fill_diagonal(table, least)
    return table


def released_types(
    inside: Values, between: Values, shortcuts: Mapping[int, int], choices: int = 3
) -> Types:
    """The types that the authors' code finds.

    With shortcuts it is no optimum: the type of their start is that of the best path stored so far,
    and the first value compared, of type I before, leaves the addition out.
    """
    extra = shortcuts if choices == 3 else {}  # their HyPar knows none
    least = inside[:, :choices].copy()
    before = np.zeros((len(inside), choices), dtype=np.intp)
    before[0] = np.arange(choices)
    for layer in range(1, len(inside)):
        for own in range(choices):
            lowest, best = least[layer - 1, 0] + between[layer, 0, own], 0
            for previous in range(choices):
                cost = least[layer - 1, previous] + between[layer, previous, own]
                if layer in extra:
                    start = previous
                    for back in range(layer - 1, extra[layer], -1):
                        start = before[back, start]
                    cost += between[layer, start, own]
                if lowest > cost:
                    lowest, best = cost, previous
            least[layer, own] += lowest
            before[layer, own] = best
    types = [int(least[-1].argmin())]
    for layer in range(len(inside) - 1, 0, -1):
        types.append(int(before[layer, types[-1]]))
    return np.array(types[::-1])


# -- arrays ----------------------------------------------------------------------------------------
class Group(NamedTuple):
    """Equal accelerators: how many (a power of two), TFLOPS and Gb/s of each."""

    number: int
    tflops: float
    gbits: float

    def seconds(self, elements: float) -> float:
        """Time to receive that many elements."""
        return WORD_BYTES * elements / (self.gbits * 1e9 / 8)


@dataclass(frozen=True)
class Plan:
    """How a network is split.

    Attributes:
        share: of the first group.
        types: of each level, in order; below the first those of both groups, one after the other.
        compute_s, communication_s: of one training step, in the slower group.
    """

    share: float
    types: tuple[Types, ...]
    compute_s: float
    communication_s: float

    @property
    def step_s(self) -> float:
        """Time of one training step."""
        return self.compute_s + self.communication_s


@dataclass(frozen=True)
class Partitioner:
    """Splits a network over one or two groups of accelerators by a scheme of `SCHEMES`."""

    network: Network
    groups: tuple[Group, ...]
    scheme: str
    batch: int = 512
    shortcuts: Shortcuts = "exact"

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise UnknownName("accpar: scheme", self.scheme, SCHEMES)
        if self.shortcuts not in ("exact", "code", "none"):
            raise UnknownName("accpar: shortcuts", self.shortcuts, ("exact", "code", "none"))

    @property
    def additions(self) -> Mapping[int, int]:
        """Shortcuts that are priced."""
        return {} if self.shortcuts == "none" else self.network.shortcuts

    def plan(self, rule: str = "level") -> Plan:
        """The split; `rule` sets the share of the first of two groups, for AccPar alone.

        Args:
            rule: "even"; "compute", in proportion to speeds; "level", the slower group is fastest
                at the first level; "scan", over all levels; "end", both groups finish together;
                or a share in text ("0.3").
        """
        if len(self.groups) == 1:
            return self._single()
        if self.scheme != "AccPar" or rule == "even":
            return self._split(0.5)
        if rule == "compute":
            speeds = [group.number * group.tflops for group in self.groups]
            return self._split(speeds[0] / sum(speeds))
        if rule == "level":
            slower = [max(self.first_level(share)[1]) for share in GRID]
            return self._split(float(GRID[_least(slower)]))
        if rule == "scan":
            plans = [self._split(share) for share in GRID.tolist()]
            return plans[_least([plan.step_s for plan in plans])]
        if rule == "end":
            return self._split(self._balanced())
        try:
            share = float(rule)
        except ValueError:
            raise UnknownName("accpar: rule", rule, RULES, "or give a share, such as 0.3") from None
        if not 0 < share < 1:
            raise NasreproError(f"accpar: share {rule} is not between 0 and 1")
        return self._split(share)

    def _chosen(self, inside: Values, between: Values) -> Types:
        choices = SCHEMES[self.scheme]
        if choices:
            search = released_types if self.shortcuts == "code" else best_types
            return search(inside, between, self.additions, choices)
        trick = self.scheme == "one weird trick"
        return np.array([int(trick and layer.kind == "fc") for layer in self.network.layers])

    def _halved(self, sizes: Values, group: Group) -> tuple[list[Types], float]:
        """Types of the levels inside a group, and the elements of them all."""
        levels, elements = [], 0.0
        for _ in range(int(math.log2(group.number))):
            inside, between = level_costs(self.network, sizes, 0.5)
            types = self._chosen(inside, between)
            elements += price(inside, between, types, self.additions)
            sizes = _scaled(sizes, types, 0.5)
            levels.append(types)
        return levels, elements

    def _compute(self, share: float, group: Group) -> float:
        """Three products a layer (forward, error, gradient), two operations a MAC."""
        return 6 * share * self.batch * self.network.macs / (group.number * group.tflops * 1e12)

    def _single(self) -> Plan:
        (group,) = self.groups
        levels, elements = self._halved(self.network.sizes(self.batch), group)
        return Plan(1.0, tuple(levels), self._compute(1, group), group.seconds(elements))

    def first_level(self, share: float) -> tuple[Types, list[float]]:
        """Types at the first of two groups' levels, and both groups' seconds there."""
        sizes, shares = self.network.sizes(self.batch), (share, 1 - share)
        costs = [level_costs(self.network, sizes, part) for part in shares]
        one, other = (group.seconds(1) for group in self.groups)
        inside, between = (one * a + other * b for a, b in zip(*costs, strict=True))
        types = self._chosen(inside, between)
        return types, [
            self._compute(part, group) + group.seconds(price(*cost, types, self.additions))
            for part, group, cost in zip(shares, self.groups, costs, strict=True)
        ]

    def _halves(self, share: float) -> tuple[list[Types], list[tuple[float, float]]]:
        """Types of all levels, and each group's seconds of computing and of communication."""
        sizes, (types, first) = self.network.sizes(self.batch), self.first_level(share)
        levels, seconds = [types], []
        for part, group, at_first in zip((share, 1 - share), self.groups, first, strict=True):
            below, elements = self._halved(_scaled(sizes, types, part), group)
            compute = self._compute(part, group)
            seconds.append((compute, at_first - compute + group.seconds(elements)))
            levels += below
        return levels, seconds

    def _split(self, share: float) -> Plan:
        levels, seconds = self._halves(share)
        return Plan(share, tuple(levels), *max(seconds, key=sum))

    def gap(self, share: float) -> float:
        """Seconds by which the first group finishes after the second."""
        first, second = (sum(parts) for parts in self._halves(share)[1])
        return first - second

    def _balanced(self) -> float:
        low, high = float(GRID[0]), float(GRID[-1])
        if self.gap(low) >= 0 or self.gap(high) <= 0:
            return low if self.gap(low) >= 0 else high
        while high - low > 1e-9:
            middle = (low + high) / 2
            low, high = (low, middle) if self.gap(middle) > 0 else (middle, high)
        return high


def _least(seconds: Sequence[float]) -> int:
    """Place of the least, the first of those equal to 12 digits."""
    values = np.asarray(seconds)
    return int(np.round(values / values.max(), 12).argmin())


def _scaled(sizes: Values, types: Types, share: float) -> Values:
    smaller = sizes.copy()
    smaller[np.arange(len(sizes)), types] *= share
    return smaller


# -- studies ---------------------------------------------------------------------------------------
#: The paper's accelerators [recalled]: number, TFLOPS, Gb/s.
V2, V3 = [128, 180.0, 8.0], [128, 420.0, 16.0]


def _groups(*arrays: Sequence[float]) -> tuple[Group, ...]:
    groups = tuple(Group(int(number), tflops, gbits) for number, tflops, gbits in arrays)
    for group in groups:
        if group.number < 1 or group.number & (group.number - 1):
            raise NasreproError(f"accpar: {group.number} accelerators are no power of two")
    return groups


def _means(speedups: Mapping[str, Sequence[float]]) -> Iterator[tuple[str, dict[str, float]]]:
    """Geometric and arithmetic means by scheme."""
    yield (
        "geometric mean",
        {name: float(np.exp(np.mean(np.log(s)))) for name, s in speedups.items()},
    )
    yield "arithmetic mean", {name: float(np.mean(s)) for name, s in speedups.items()}


@study(
    "accpar.speedup",
    paper="10.1109/HPCA47549.2020.00036; cost model of the authors' code",
    by=("array", "rule", "network", "scheme"),
    v2=V2,
    v3=V3,
    rules=["even", "compute", "level", "end"],
    batch=512,
    shortcuts="exact",
)
def speedup(
    rng: Any,
    *,
    v2: list[float],
    v3: list[float],
    rules: list[str],
    batch: int,
    shortcuts: Shortcuts,
) -> Iterator[dict[str, Any]]:
    """Speed-up of a training step over data parallelism, on equal and unequal accelerators.

    Columns: time of a step, of it computing and communication (ms), speed-up, the first group's
    share of the work. Means over the networks stand behind them.

    Args:
        rng: not used: nothing is random.
        v2: the slower group: accelerators, TFLOPS and Gb/s of each.
        v3: the faster one.
        rules: for AccPar's share of the first group, see `Partitioner.plan`.
        batch: images.
        shortcuts: how residual additions are searched.
    """
    single, both = _groups(v2), _groups(v2, v3)
    for array, groups, rule in [("v2", single, "even"), *(("v2 + v3", both, r) for r in rules)]:
        speedups: dict[str, list[float]] = {scheme: [] for scheme in SCHEMES}
        for name, network in NETWORKS.items():
            plans = {
                scheme: Partitioner(network, groups, scheme, batch, shortcuts).plan(rule)
                for scheme in SCHEMES
            }
            for scheme, plan in plans.items():
                speedups[scheme].append(plans["data parallelism"].step_s / plan.step_s)
                yield _row(array, rule, name, scheme, speedups[scheme][-1], plan)
        for mean, by_scheme in _means(speedups):
            for scheme, value in by_scheme.items():
                yield _row(array, rule, mean, scheme, value)


def _row(
    array: str, rule: str, network: str, scheme: str, value: float, plan: Plan | None = None
) -> dict[str, Any]:
    return {
        "array": array,
        "rule": rule,
        "network": network,
        "scheme": scheme,
        "speedup": value,
        "step_ms": plan and 1e3 * plan.step_s,
        "compute_ms": plan and 1e3 * plan.compute_s,
        "communication_ms": plan and 1e3 * plan.communication_s,
        "share": plan and plan.share,
    }


@study(
    "accpar.sensitivity",
    paper="10.1109/HPCA47549.2020.00036; cost model of the authors' code",
    by=("varied", "value"),
    v2=V2,
    v3=V3,
)
def sensitivity(rng: Any, *, v2: list[float], v3: list[float]) -> Iterator[dict[str, Any]]:
    """What AccPar's mean speed-up hangs on: the rule for the share, the batch, the bandwidths.

    Geometric means over the nine networks; one setting is varied, the others are those of
    `accpar.speedup` with the rule "level". The v3's bandwidth is varied.

    Args:
        rng: not used: nothing is random.
        v2: the slower group.
        v3: the faster one.
    """
    settings = [("rule", rule, rule, 512, v3) for rule in ("0.1", "0.2", "0.3", *RULES)]
    settings += [
        ("batch", str(batch), "level", batch, v3) for batch in (64, 128, 256, 512, 1024, 2048)
    ]
    settings += [
        ("bandwidth ratio", str(ratio), "level", 512, [v3[0], v3[1], ratio * v2[2]])
        for ratio in (1, 2, 3, 4)
    ]
    for varied, value, rule, batch, fast in settings:
        groups = _groups(v2, fast)
        speedups: dict[str, list[float]] = {scheme: [] for scheme in SCHEMES}
        for network in NETWORKS.values():
            seconds = {
                scheme: Partitioner(network, groups, scheme, batch).plan(rule).step_s
                for scheme in SCHEMES
            }
            for scheme in SCHEMES:
                speedups[scheme].append(seconds["data parallelism"] / seconds[scheme])
        _, means = next(_means(speedups))
        columns = {scheme.lower().replace(" ", "_"): mean for scheme, mean in means.items()}
        yield {"varied": varied, "value": value, **columns}


@study(
    "accpar.partition",
    paper="10.1109/HPCA47549.2020.00036; cost model of the authors' code",
    by=("network", "shortcuts", "level"),
    networks=list(NETWORKS),
    accelerators=128,
    batch=512,
)
def partition(
    rng: Any, *, networks: list[str], accelerators: int, batch: int
) -> Iterator[dict[str, Any]]:
    """AccPar's types of every layer on equal accelerators, by the exact search and by the authors'.

    Columns: types (1, 2, 3 for I, II, III), elements that a party receives at the level.

    Args:
        rng: not used: nothing is random.
        networks: names.
        accelerators: a power of two.
        batch: images.
    """
    (group,) = _groups([accelerators, 1.0, 1.0])
    searches: tuple[Shortcuts, ...] = ("exact", "code")
    for name in networks:
        if name not in NETWORKS:
            raise UnknownName("accpar: network", name, NETWORKS)
        network = NETWORKS[name]
        for search in searches if network.shortcuts else searches[:1]:
            sizes = network.sizes(batch)
            plan = Partitioner(network, (group,), "AccPar", batch, search).plan()
            for level, types in enumerate(plan.types, start=1):
                elements = price(*level_costs(network, sizes, 0.5), types, network.shortcuts)
                sizes = _scaled(sizes, types, 0.5)
                yield {
                    "network": name,
                    "shortcuts": search,
                    "level": level,
                    "elements": elements,
                    "types": "".join(str(own + 1) for own in types),
                }


@study(
    "accpar.ranking",
    paper="10.1109/HPCA47549.2020.00036; cost model of the authors' code",
    by=("oracle", "dataset", "scheme"),
    oracle="nasbench201",
    dataset="cifar10",
    archs=200,
    accelerators=128,
    batch=512,
)
def ranking(
    rng: Any, *, oracle: str, dataset: str, archs: int, accelerators: int, batch: int
) -> Iterator[dict[str, Any]]:
    """How far the time of a training step on an array orders architectures other than MACs do.

    Columns: Kendall's tau between step time and MACs, and of each with the oracle's validation metric
    (after its longest training); mean speed-up over data parallelism.

    Args:
        rng: draws the architectures.
        oracle: whose space and metric.
        dataset: whose networks.
        archs: how many are drawn.
        accelerators: v2 of the paper, equal ones.
        batch: images.
    """
    opened = load_oracle(oracle)
    data = opened.info.dataset(dataset)
    objective = opened.info.objective_of(dataset)
    (group,) = _groups([accelerators, *V2[1:]])
    whole = list(opened.archs())
    drawn = [whole[i] for i in rng.choice(len(whole), min(archs, len(whole)), replace=False)]
    networks = [
        network_of(opened.space, arch, classes=data.classes, size=data.size) for arch in drawn
    ]
    length = opened.epochs(dataset)[-1]
    values = opened.query_many(drawn, dataset=dataset, epochs=length)[objective.name]
    quality = values if objective.higher_is_better else -values
    macs = [network.macs for network in networks]
    base: list[float] = []
    for scheme in SCHEMES:
        seconds = [
            Partitioner(network, (group,), scheme, batch).plan().step_s for network in networks
        ]
        base = base or seconds
        yield {
            "oracle": oracle,
            "dataset": dataset,
            "scheme": scheme,
            "time_and_macs": kendall(seconds, macs),
            "time_and_accuracy": kendall(seconds, quality),
            "macs_and_accuracy": kendall(macs, quality),
            "speedup": float(np.mean(np.array(base) / np.array(seconds))),
            "n": len(drawn),
        }
