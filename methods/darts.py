"""DARTS, first order (Liu, Simonyan, Yang; ICLR 2019, arXiv:1806.09055).

    every place of the supernet is sum_i softmax(alpha)_i o_i(x)
    repeat for each step:
        alpha <- Adam on the loss of a validation batch, at the current weights
        weights <- SGD on the loss of a training batch
    return the operation of largest alpha of each decision

Deviations:
    - The body was not read. As in the authors' public code, as recalled: alpha begins at
      1e-3 N(0, 1); Adam with betas 0.5 and 0.999 and weight decay 1e-3; gradients clipped to 5. The
      first order alone: the second order's correction is not built.
    - The rate of alpha is 0.015, theirs 3e-4: NAS-Bench-201's 50 epochs have 19,550 steps, the 60
      epochs here 360, and rate times steps is kept.
    - `none` is among the operations that may be chosen (on NAS-Bench-201 too, unlike on the paper's
      own space).
    - Weights begin at a rate of 0.1, as all supernets here, theirs at 0.025.
"""

from nasrepro.methods.nets.one_shot import Weights, inherited_study, pairs
from nasrepro.methods.nets.relaxation import Alpha
from nasrepro.suite.registry import method

PAPER = "arXiv:1806.09055"


@method("darts", paper=PAPER, workshop=True, epochs=60, learning_rate=0.015)
def search(session, rng, *, epochs, learning_rate):
    """Gradient descent on a softmax over operations.

    Args:
        session: the search session; it needs a workshop.
        rng: random generator.
        epochs: passes over the training images.
        learning_rate: of alpha.
    """
    with session.workshop(rng) as shop:
        return trained(session, shop, rng, epochs=epochs, learning_rate=learning_rate)[1]


@inherited_study("darts", PAPER, epochs=60, learning_rate=0.015)
def trained(session, shop, rng, *, epochs, learning_rate):
    """Inherited accuracy against trainings from scratch, and the cell chosen over time.

    Gives the supernet and the architecture chosen; over time: the cell of largest alpha.
    """
    supernet = shop.supernet()
    alpha, weights = Alpha(session, learning_rate, rng), Weights(supernet, 0.1)
    for done, batch, validation in pairs(shop, epochs):
        supernet.mix(alpha.logits.softmax(1))
        alpha.step(supernet, validation)
        supernet.mix(alpha.logits.detach().softmax(1))
        weights.step(done, batch)
        alpha.note(done)
    return supernet, alpha.derived()
