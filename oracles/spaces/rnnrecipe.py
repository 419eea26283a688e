"""NAS-Bench-NLP's space (arXiv:2006.07116): recurrent cells as recipes of named operations.

A recipe gives each node an operation on earlier nodes, on the token x or on the last states
`h_prev_0` to `h_prev_2`; its nodes `h_new_0` to `h_new_2` are the next states, and `h_new_0` is
what the cell puts out. The network has three layers of such a cell between an embedding and a
decoder that share their weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.space import Arch, Complexity, Graph, SearchSpace

#: Operations and how many inputs each takes, at least and at most.
OPS = {
    "linear": (1, 3),
    "activation_tanh": (1, 1),
    "activation_sigm": (1, 1),
    "activation_leaky_relu": (1, 1),
    "elementwise_sum": (2, 2),
    "elementwise_prod": (2, 2),
    "blend": (3, 3),
}
_NAMES = tuple(OPS)
#: Most nodes of a recipe, inputs of a node, states.
NODES, INPUTS, STATES = 15, 3, 3
SOURCES = ("x", *(f"h_prev_{state}" for state in range(STATES)))
#: Widths of the embedding and of the three layers; the last is the embedding's, whose weights the
#: decoder shares.
EMBEDDING, HIDDEN = 400, 600
_WIDTHS = ((EMBEDDING, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, EMBEDDING))
_NODE = 1 + INPUTS


class RnnRecipe(SearchSpace):
    """For each of 15 places an operation or none and up to three inputs; then the states' nodes.

    Option 0 stands for none everywhere. Inputs are counted over x, the last states and the earlier
    places; those whose order makes no difference ascend.
    """

    name = "rnnrecipe"
    #: It reads text and no images.
    in_channels = 0

    def __init__(self) -> None:
        cardinalities, decisions = [], []
        for node in range(NODES):
            inputs = 1 + len(SOURCES) + node
            cardinalities += [1 + len(OPS), *(inputs,) * INPUTS]
            decisions += [f"operation of node {node}"]
            decisions += [f"input {place + 1} of node {node}" for place in range(INPUTS)]
        self.cardinalities = (*cardinalities, *(1 + NODES,) * STATES)
        self.decisions = (*decisions, *(f"node of h_new_{state}" for state in range(STATES)))

    # -- making and checking architectures ---------------------------------------------------------
    def nodes(self, arch: Arch) -> list[tuple[str, tuple[int, ...]]]:
        """Operation and inputs of each node; inputs count over `SOURCES`, then the nodes."""
        self.check(arch)
        return _nodes(arch.code)

    def states(self, arch: Arch) -> tuple[int, ...]:
        """The node of each next state."""
        self.check(arch)
        return tuple(option - 1 for option in arch.code[_NODE * NODES :] if option)

    def check(self, arch: Arch) -> None:
        """Raise InvalidArch unless nodes, inputs and states are whole and without gaps."""
        super().check(arch)
        nodes, states = _nodes(arch.code), arch.code[_NODE * NODES :]
        later = arch.code[_NODE * len(nodes) : _NODE * NODES]
        if not nodes or any(later):
            raise InvalidArch(f"{self.name}: nodes of code {arch.code} are not the first ones")
        for node, (op, inputs) in enumerate(nodes):
            least, most = OPS[op]
            given = arch.code[_NODE * node + 1 : _NODE * (node + 1)]
            ordered = op == "blend" or list(inputs) == sorted(set(inputs))
            twice = op.startswith("elementwise") and list(inputs) == sorted(inputs)
            if not least <= len(inputs) <= most or any(given[len(inputs) :]):
                raise InvalidArch(
                    f"{self.name}: {op} of node {node} takes {least} to {most} inputs, got "
                    f"{len(inputs)}"
                )
            if not (ordered or twice):
                raise InvalidArch(f"{self.name}: inputs of node {node} do not ascend")
        taken = [option for option in states if option]
        if not states[0] or any(states[len(taken) :]) or max(taken) > len(nodes):
            raise InvalidArch(
                f"{self.name}: the states h_new_0, h_new_1, ... of code {arch.code} are not "
                "existing nodes"
            )

    def sample(self, rng: np.random.Generator) -> Arch:
        """A recipe of 2 to 8 nodes, whatever operations and inputs; not the authors' generator."""
        nodes: list[tuple[str, Sequence[int]]] = []
        for node in range(int(rng.integers(2, 9))):
            first = node == 0
            op = "linear" if first else _NAMES[int(rng.integers(len(OPS)))]
            earliest = 0 if op == "linear" else len(SOURCES)  # x has another width than the nodes
            count = int(rng.integers(OPS[op][0], OPS[op][1] + 1))
            available = np.arange(earliest, len(SOURCES) + node)
            drawn = rng.choice(available, count, replace=op != "linear").tolist()
            nodes.append((op, drawn if op == "blend" else sorted(drawn)))
        return self._made(nodes, (len(nodes) - 1,))

    def neighbours(self, arch: Arch) -> tuple[Arch, ...]:
        """Recipes that differ in one decision; most codes that do are none."""
        return tuple(filter(self._is_recipe, super().neighbours(arch)))

    def at(self, index: int) -> Arch:
        """As numbered among all codes.

        Raises:
            InvalidArch: that code is no recipe, as most are not.
        """
        arch = super().at(index)
        self.check(arch)
        return arch

    def _is_recipe(self, arch: Arch) -> bool:
        try:
            self.check(arch)
        except InvalidArch:
            return False
        return True

    def _made(self, nodes: Sequence[tuple[str, Sequence[int]]], states: Sequence[int]) -> Arch:
        code: list[int] = []
        for op, inputs in nodes:
            given = [source + 1 for source in inputs]
            code += [1 + _NAMES.index(op), *given, *(0,) * (INPUTS - len(given))]
        code += [0] * (_NODE * (NODES - len(nodes)))
        return self.arch([*code, *(s + 1 for s in states), *(0,) * (STATES - len(states))])

    # -- names -------------------------------------------------------------------------------------
    def parse(self, text: str) -> Arch:
        """Read a recipe, the JSON object that NAS-Bench-NLP has; nodes may have any names."""
        try:
            recipe = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidArch(
                f"{self.name}: {text[:200]!r} is no JSON object such as "
                f'{{"h_new_0": {{"op": "linear", "input": ["x", "h_prev_0"]}}}} ({error})'
            ) from error
        return self.described(recipe)

    def described(self, recipe: Mapping[str, Mapping[str, Any]]) -> Arch:
        """The architecture of a recipe, its nodes in an order in which inputs come first.

        Raises:
            InvalidArch: too large, a cycle, an unknown input or operation.
        """
        try:
            order = _sorted({name: list(node["input"]) for name, node in recipe.items()})
            ops = [str(recipe[name]["op"]) for name in order]
        except (AttributeError, LookupError, TypeError) as error:
            raise InvalidArch(f"{self.name}: a node of {recipe!r:.200} lacks {error}") from error
        places = {name: place for place, name in enumerate((*SOURCES, *order))}
        states = [name for state in range(STATES) if (name := f"h_new_{state}") in recipe]
        if len(order) > NODES or any(op not in OPS for op in ops):
            raise InvalidArch(
                f"{self.name}: {len(order)} nodes with operations {', '.join(sorted(set(ops)))}; "
                f"accepted: up to {NODES} nodes with {', '.join(OPS)}"
            )
        nodes = []
        for name, op in zip(order, ops, strict=True):
            inputs = [places[source] for source in recipe[name]["input"]]
            if len(inputs) > INPUTS:
                raise InvalidArch(f"{self.name}: node {name} has more than {INPUTS} inputs")
            nodes.append((op, inputs if op == "blend" else sorted(inputs)))
        return self._made(nodes, [places[name] - len(SOURCES) for name in states])

    def format(self, arch: Arch) -> str:
        """The recipe as JSON, with nodes named by their place."""
        states = {node: f"h_new_{state}" for state, node in enumerate(self.states(arch))}
        nodes = self.nodes(arch)
        names = [*SOURCES, *(states.get(node, f"node_{node}") for node in range(len(nodes)))]
        return json.dumps(
            {
                name: {"op": op, "input": [names[source] for source in inputs]}
                for name, (op, inputs) in zip(names[len(SOURCES) :], nodes, strict=True)
            }
        )

    # -- structure ---------------------------------------------------------------------------------
    def graph(self, arch: Arch) -> Graph:
        """Input, x and the last states, the nodes, output."""
        nodes, sources = self.nodes(arch), len(SOURCES)
        ops = ("input", *SOURCES, *(op for op, _ in nodes), "output")
        adjacency = np.zeros((len(ops), len(ops)), dtype=bool)
        adjacency[0, 1 : 1 + sources] = True
        for node, (_, inputs) in enumerate(nodes):
            adjacency[[1 + source for source in inputs], 1 + sources + node] = True
        adjacency[[1 + sources + node for node in self.states(arch)], -1] = True
        return Graph(ops, adjacency)

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs of the language model; a linear node has one bias.

        MACs count the products of linear nodes and of the decoder, without biases.

        Args:
            arch: a recipe.
            classes: size of the vocabulary.
            size: length of the text, tokens; 1 gives MACs per token.
        """
        linear = [inputs for op, inputs in self.nodes(arch) if op == "linear"]
        weights = sum(
            (width if source else before) * width
            for before, width in _WIDTHS
            for inputs in linear
            for source in inputs
        )
        biases = len(linear) * sum(width for _, width in _WIDTHS)
        table = EMBEDDING * classes
        return Complexity(weights + biases + table + classes, size * (weights + table))


def _nodes(code: Sequence[int]) -> list[tuple[str, tuple[int, ...]]]:
    """The nodes up to the first place without one."""
    nodes = []
    for node in range(NODES):
        op, *inputs = code[_NODE * node : _NODE * (node + 1)]
        if not op:
            break
        nodes.append((_NAMES[op - 1], tuple(source - 1 for source in inputs if source)))
    return nodes


def _sorted(inputs: Mapping[str, Sequence[str]]) -> list[str]:
    """The nodes in their order, but each behind its inputs.

    Raises LookupError naming an input that never comes.
    """
    order: list[str] = []
    while len(order) < len(inputs):
        ready = [
            name
            for name, sources in inputs.items()
            if name not in order and all(s in SOURCES or s in order for s in sources)
        ]
        if not ready:
            missing = {s for name in inputs if name not in order for s in inputs[name]}
            raise LookupError(", ".join(sorted(map(str, missing - {*SOURCES, *order}))))
        order.append(ready[0])
    return order
