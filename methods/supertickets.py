"""SuperTickets: search and pruning in one training of a supernet (arXiv:2207.03677).

    supernet <- blocks of several kernels, masks m = 1
    for epoch = 1..E:
        train on the loss of m * W  +  rho(epoch) * sum over channels p |gamma|   # p: share of MACs
        now and then: channels with |gamma| <= `threshold` are cut out
        at the k-th event: r <- min(target, k / 10);  m <- 0 for the share r of all weights with the
          smallest |W|, masked ones included, and 1 for the others
    train on with the masks as they are

Deviations:
    - The paper's body was not read: rules and numbers are those of the authors' code
      (GATECH-EIC/SuperTickets, commit 36d7edd0). `score` "random", "snip" and "synflow" are
      theirs, too, of all weights, masked ones included, on a batch; GraSP is out.
    - `reactivate` "code": their option to set pruned weights to zero assigns to a local name and
      zeroes none. A masked weight keeps its value, decays, and comes back when a weight that is
      used falls below it. "never" sets them to zero. `reset`: all masks are 1 between two events.
    - Four blocks on images of 8x8 or 16x16 pixels, not HR-NAS; SGD, not RMSprop; no averaged
      weights; events are evenly spaced over the training (theirs come every 15 to 25 epochs of 200
      to 350).
    - rho and the threshold are ours: a training has some hundred steps, in which their 1.8e-4
      moves no scale. In 5 s no channel is cut at rho 3 or less, nine of ten at 10; 5 had the
      highest mean validation accuracy of 4, 5 and 10 (seeds 100 to 102, which no plan uses). On
      other images it must be set anew: on CIFAR-10 the same 5 cuts nearly all channels.
    - Channels are cut however few MACs they are worth, and the widest scale of each kernel of a
      block stays.
    - `share` of what the budget pays for goes to search and pruning, the rest to the last training.
    - `arm` "sequential" searches for half of that time, and prunes as above in the other half;
      "one-shot" prunes at once behind it; "prune" has one kernel and nothing to search. Controls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasrepro.suite.registry import method

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from nasrepro.suite.search import Session

ARMS = ("joint", "sequential", "one-shot", "prune")
SCORES = ("magnitude", "random", "snip", "synflow")
REACTIVATE = ("code", "never")


@method(
    "supertickets",
    paper="arXiv:2207.03677; the authors' code",
    workshop=True,
    arm="joint",
    target=0.9,
    reactivate="code",
    reset=False,
    score="magnitude",
    rho=5.0,
    threshold=0.05,
    share=0.6,
    events=10,
    width=16,
    inner=16,
)
def search(
    session: Session,
    rng: np.random.Generator,
    *,
    arm: str,
    target: float,
    reactivate: str,
    reset: bool,
    score: str,
    rho: float,
    threshold: float,
    share: float,
    events: int,
    width: int,
    inner: int,
) -> nn.Module:
    """A sparse network out of a supernet.

    Args:
        session: the search session.
        rng: random generator.
        arm: "joint", or a control: "sequential", "one-shot", "prune".
        target: share of the weights that ends as zeros.
        reactivate: "code", masked weights keep their values; "never", they are set to zero.
        reset: whether masks are 1 between events.
        score: what weights are ranked by, "magnitude", "random", "snip" or "synflow".
        rho: weight of the penalty on scales.
        threshold: scale at which a channel is dead.
        share: of the budget that goes to search and pruning.
        events: of pruning, evenly spaced.
        width: channels between the first blocks.
        inner: channels of each kernel of a block.
    """
    import torch

    from nasrepro.methods.nets.chain import cosine, epochs_left
    from nasrepro.methods.nets.options import refuse_unknown
    from nasrepro.methods.nets.tickets import MultiKernel, Ticket, strength

    refuse_unknown(
        "supertickets", arm=(arm, ARMS), reactivate=(reactivate, REACTIVATE), score=(score, SCORES)
    )
    kernels, each = ((5,), 3 * inner) if arm == "prune" else ((3, 5, 7), inner)
    with session.workshop(rng) as shop:
        with shop.seeded():
            network = MultiKernel(shop.shape[0], width, each, kernels, shop.classes)
        ticket = Ticket(network, shop.shape, zero=reactivate == "never")

        def scores() -> dict[str, Tensor]:
            if score == "random":
                masks = ticket.masks.items()
                return {name: torch.from_numpy(rng.random(mask.shape)) for name, mask in masks}
            return ticket.saliency(score, *next(iter(shop.batches("train", 64))))

        def prune(wanted: float) -> None:
            ticket.prune(wanted, scores() if score != "magnitude" else None)

        epochs = max(events, epochs_left(session, shop, ticket.network, share))
        searched = {"joint": epochs, "prune": 0}.get(arm, epochs // 2)
        first = searched if arm == "sequential" else 0
        for epoch in range(epochs):
            penalty = strength(epoch, searched / 10, searched / 5, rho) if epoch < searched else 0.0
            ticket.train(shop.batches("train", 64), cosine(epoch / epochs), penalty)
            if epoch < searched and _event(epoch, searched, events):
                session.log("search", epoch=epoch, cut=ticket.cut(threshold))
            event = _event(epoch - first, epochs - first, events) if arm != "one-shot" else 0
            if event > 0:
                prune(min(target, event / 10))
                if reset and event < events:
                    ticket.unmask()
        prune(target)
        ticket.restart()
        rest = epochs_left(session, shop, ticket.network)
        for epoch in range(rest):
            ticket.train(shop.batches("train", 64), cosine(epoch / rest, 0.05))
        ticket.settle()
        session.log("ticket", kept=ticket.kept, disconnected=ticket.disconnected)
    return ticket.network


def _event(epoch: int, epochs: int, events: int) -> int:
    """The number of the event at the end of an epoch, of `events` evenly spaced ones; else 0."""
    done = (epoch + 1) * events // epochs
    return done if done > epoch * events // epochs else 0
