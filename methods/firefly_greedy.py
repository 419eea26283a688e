"""How near Firefly's greedy choice is to the best one, where all choices can be tried.

    train a chain of three layers of two neurons;  one new neuron a layer: nine candidates
    greedy <- the `count` candidates of most negative score
    loss <- the network with each set of `count` candidates, untrained since
    rank of the greedy set among all of them

Deviations:
    - No paper has this table: `firefly` takes the candidates that its scores name, and this is
      what they miss. Sizes are counted in candidates, not in parameters.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from nasrepro.suite.registry import load_oracle, study
from nasrepro.suite.search import Budget, Session

#: Where the gates stand when gradients are read, by the name of the score.
POINTS = {"integral": (1 / 6, 3 / 6, 5 / 6), "gradient at the end": (1.0,)}
WIDTHS = (2, 2, 2)


@study("firefly_greedy.rank", paper="arXiv:2102.08574; ours", by=("scores",), count=3, epochs=15)
def rank(rng: Any, *, count: int, epochs: int) -> Iterator[dict[str, Any]]:
    """Rank of the greedy set of candidates, for each way to score.

    Columns: rank of the greedy set by the loss (1 is the best), number of sets, change of the
    training loss by the greedy set, by the best one, and by the mean of all (nats).

    Args:
        rng: of the network, its training and its candidates.
        count: candidates of a set.
        epochs: of training before.
    """
    import torch
    import torch.nn.functional as F

    from nasrepro.methods.nets.chain import Chain
    from nasrepro.methods.nets.channels import channel_map
    from nasrepro.methods.nets.growing import Directions, Gated, cheapest

    budget = Budget(queries=1)
    session = Session(load_oracle("workshop201"), dataset="digits", epochs=30, budget=budget)
    with session.workshop(rng) as shop:
        with shop.seeded():
            network = Chain(shop.shape, WIDTHS, shop.classes)
        shop.train(network, epochs)
        with shop.seeded():
            directions = Directions(channel_map(network), 1)
        directions.learn(shop.batches("train", 64))
        candidates = directions.candidates
        gated = Gated(directions, candidates)
        images, labels = next(iter(shop.batches("train", shop.images["train"])))

        def loss(chosen: tuple[Any, ...]) -> float:
            """With these gates open, and the others closed."""
            gates = torch.tensor([float(candidate in chosen) for candidate in candidates])
            with torch.no_grad():
                return round(F.cross_entropy(gated(images, gates), labels).item(), 9)

        before = loss(())
        losses = {chosen: loss(chosen) for chosen in itertools.combinations(candidates, count)}
        for name, points in POINTS.items():
            scores = directions.scores(shop.batches("train", 64), points, True)
            ranked = cheapest(dict(zip(candidates, scores.tolist(), strict=True)))[:count]
            chosen = tuple(candidate for candidate in candidates if candidate in ranked)
            yield {
                "scores": name,
                "rank": 1 + sum(other < losses[chosen] for other in losses.values()),
                "sets": len(losses),
                "change": losses[chosen] - before,
                "best_change": min(losses.values()) - before,
                "mean_change": sum(losses.values()) / len(losses) - before,
            }
