"""GDAS: searching in four GPU hours (Dong and Yang, CVPR 2019, arXiv:1910.04465).

    repeat for each step, tau falling from 10 to 0.1:
        h ~ Gumbel-softmax(alpha, tau), one-hot, with the gradient of the soft one
          (straight-through): one operation at each place is computed
        weights <- SGD on the loss of a training batch along h
        alpha <- Adam on the loss of a validation batch along a new h
    return the operation of largest alpha of each decision

Deviations:
    - The body was not read; as in the authors' public code for NAS-Bench-201, as recalled: alpha
      begins at 1e-3 N(0, 1); Adam with betas 0.5 and 0.999 and weight decay 1e-3; tau falls
      linearly.
    - Gradients reach alpha through the operation that was drawn. Their code also adds the gates of
      the others, which are 0, as numbers, so that each gets the summed gradient of its place.
    - The rate of alpha is 0.05, theirs 3e-4: their 250 epochs have 97,750 steps, the 100 epochs
      here 600, and rate times steps is kept.
    - Weights begin at a rate of 0.1, as all supernets here, theirs at 0.025.
"""

import torch
import torch.nn.functional as F

from nasrepro.methods.nets.one_shot import Weights, inherited_study, pairs
from nasrepro.methods.nets.relaxation import Alpha
from nasrepro.suite.registry import method

PAPER = "arXiv:1910.04465"


@method("gdas", paper=PAPER, workshop=True, epochs=100, learning_rate=0.05)
def search(session, rng, *, epochs, learning_rate):
    """Gradient descent on one drawn operation at a time.

    Args:
        session: the search session; it needs a workshop.
        rng: random generator.
        epochs: passes over the training images.
        learning_rate: of alpha.
    """
    with session.workshop(rng) as shop:
        return trained(session, shop, rng, epochs=epochs, learning_rate=learning_rate)[1]


def straight_through(alpha, tau, rng):
    """A one-hot draw with the gradient of the soft one: gates, and the option of each decision."""
    noise = torch.tensor(rng.gumbel(size=tuple(alpha.shape)), dtype=alpha.dtype)
    soft = ((alpha.log_softmax(1) + noise) / tau).softmax(1)
    drawn = soft.detach().argmax(1)
    hard = F.one_hot(drawn, alpha.shape[1]).to(alpha.dtype)
    return hard - soft.detach() + soft, [(option,) for option in drawn.tolist()]


@inherited_study("gdas", PAPER, epochs=100, learning_rate=0.05)
def trained(session, shop, rng, *, epochs, learning_rate):
    """Inherited accuracy against trainings from scratch, and the cell chosen over time.

    Gives the supernet and the architecture chosen; over time: the cell of largest alpha.
    """
    supernet = shop.supernet()
    alpha, weights = Alpha(session, learning_rate, rng), Weights(supernet, 0.1)
    for done, batch, validation in pairs(shop, epochs):
        tau = 10 - 9.9 * done
        gates, active = straight_through(alpha.logits.detach(), tau, rng)
        supernet.mix(gates, active)
        weights.step(done, batch)
        gates, active = straight_through(alpha.logits, tau, rng)
        supernet.mix(gates, active)
        alpha.step(supernet, validation)
        alpha.note(done)
    return supernet, alpha.derived()
