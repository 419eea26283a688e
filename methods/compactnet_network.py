"""CompactNet network: filters trimmed and retrained, layer by layer (arXiv:1905.11669).

    train a network;  win <- (T - T / target) / iterations
    repeat `iterations` times, until the target is met:
        win <- decay * win
        for each layer: w <- its largest width whose network is `win` cheaper;  trim to w, by weight
          norm;  train a little;  measure the accuracy
        network <- the candidate with the highest accuracy
    train for long

Deviations:
    - The paper's body was not read: all of this is the authors' code (commit 34a9a9c8).
      `compactnet` is the same search where accuracies are looked up.
    - A chain of four convolutions on 8x8 digits, without ties between widths; the cost T is exact
      MACs, theirs a table of latencies. A layer keeps a quarter of its filters.
    - `ranking` "norm": filters go by L1 norm. "code" is theirs: an index that is overwritten for
      each position of a kernel, so that each has filters of its own; batch norm and the next layer
      follow the last one.
    - Accuracy is of validation images; theirs of training images. A candidate trains `epochs`
      epochs of SGD, theirs 30 of RMSprop.
    - The last training takes what is left of the budget.
    - `choose` "uniform" trims all layers alike at once, to the MACs that all iterations ask for
      together (28 % for a fifth: the decay asks for less than the target), "rewound" trains the
      widths that were found from new weights. Controls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasrepro.suite.registry import method

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from nasrepro.suite.search import Session

CHOICES, RANKINGS = ("accuracy", "uniform", "rewound"), ("norm", "code")
LAYERS = 4


@method(
    "compactnet_network",
    paper="arXiv:1905.11669; the authors' code",
    workshop=True,
    at_most={"start": 1},
    choose="accuracy",
    ranking="norm",
    target=5.0,
    iterations=4,
    decay=0.96,
    epochs=2,
    start=0.3,
    width=16,
)
def search(
    session: Session,
    rng: np.random.Generator,
    *,
    choose: str,
    ranking: str,
    target: float,
    iterations: int,
    decay: float,
    epochs: int,
    start: float,
    width: int,
) -> nn.Module:
    """A trimmed network, `target` times cheaper.

    Args:
        session: the search session.
        rng: random generator.
        choose: "accuracy", or a control: "uniform", "rewound".
        ranking: of filters, "norm" or "code".
        target: times that the MACs become fewer.
        iterations: of trimming.
        decay: of what an iteration must win.
        epochs: of training of a candidate.
        start: share of the budget for the first training.
        width: channels of each layer before.
    """
    from nasrepro.methods.nets import pruning
    from nasrepro.methods.nets.chain import Chain, epochs_left
    from nasrepro.methods.nets.options import refuse_unknown

    refuse_unknown("compactnet_network", choice=(choose, CHOICES), ranking=(ranking, RANKINGS))
    with session.workshop(rng) as shop:

        def chain(widths: list[int]) -> nn.Module:
            with shop.seeded():
                return Chain(shop.shape, widths, shop.classes)

        def macs(widths: list[int]) -> int:
            return pruning.chain_macs(shop.shape, widths, shop.classes)

        def trimmed(network: nn.Module, widths: list[int]) -> nn.Module:
            if ranking == "code":
                return pruning.overwritten(network, widths)
            return pruning.narrowed(network, pruning.kept_channels(network, widths, "writers"))

        widths, floor = [width] * LAYERS, max(1, width // 4)
        network, whole = chain(widths), macs(widths)
        shop.train(network, epochs_left(session, shop, network, start))
        win = (whole - whole / target) / iterations
        for _ in range(iterations if choose != "uniform" else 0):
            win *= decay
            candidates: list[tuple[float, list[int], nn.Module]] = []
            for n in range(LAYERS):
                narrow = max(floor, pruning.widest(macs, widths, n, macs(widths) - win))
                if narrow < widths[n]:
                    moved = [*widths[:n], narrow, *widths[n + 1 :]]
                    candidate = trimmed(network, moved)
                    shop.train(candidate, epochs, learning_rate=0.02)
                    candidates.append((shop.validate(candidate), moved, candidate))
            if not candidates:
                break
            accuracy, widths, network = max(candidates, key=lambda each: each[0])
            session.keep(network)
            session.log("trim", widths=widths, share=macs(widths) / whole, accuracy=accuracy)
            if macs(widths) <= whole / target:
                break
        if choose == "uniform":
            asked = sum(win * decay ** (step + 1) for step in range(iterations))
            network = trimmed(network, pruning.uniform(macs, widths, whole - asked))
        elif choose == "rewound":
            network = chain(widths)
        session.keep(network)
        shop.train(network, epochs_left(session, shop, network))
    return network
