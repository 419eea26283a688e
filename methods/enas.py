"""ENAS: architecture search by parameter sharing (Pham et al., ICML 2018, arXiv:1802.03268).

    repeat `epochs` times:
        for each training batch: a ~ controller (an LSTM);  one step of the shared weights of path a
        `steps` times: a ~ controller;  r = accuracy of path a on one validation batch
            controller <- REINFORCE on r less a moving baseline, with an entropy bonus
    return the best of `samples` draws of the controller by accuracy on validation images

Deviations:
    - The body was not read. The order of steps, the baseline (momentum 0.99), the entropy bonus and
      the choice among samples are those of NAS-Bench-201's public code, as recalled.
    - The controller decides all operations in the space's order; there is no choice of inputs,
      which the spaces here do not have. An LSTM of 64 units, Adam; its logits are neither scaled by
      a temperature nor bounded by tanh.
    - Its rate is 0.005: some hundred steps here stand for tens of thousands there.
    - The best is chosen with batch norms recalibrated, on all validation images.
    - A code that is no architecture of the space is drawn again, up to 100 times.
"""

import numpy as np
import torch

from nasrepro.methods.nets.one_shot import Weights, held_out, inherited, inherited_study
from nasrepro.methods.nets.policy import Policy
from nasrepro.suite.errors import InvalidArch, NasreproError
from nasrepro.suite.registry import method

PAPER = "arXiv:1802.03268"


@method(
    "enas",
    paper=PAPER,
    workshop=True,
    epochs=150,
    steps=10,
    samples=50,
    learning_rate=0.005,
    entropy=1e-4,
)
def search(session, rng, *, epochs, steps, samples, learning_rate, entropy):
    """REINFORCE on validation accuracy with shared weights.

    Args:
        session: the search session; it needs a workshop.
        rng: random generator.
        epochs: passes over the training images.
        steps: of the controller after each of them.
        samples: draws at the end.
        learning_rate: of the controller.
        entropy: weight of the bonus.
    """
    settings = {
        "epochs": epochs,
        "steps": steps,
        "samples": samples,
        "learning_rate": learning_rate,
        "entropy": entropy,
    }
    with session.workshop(rng) as shop:
        return trained(session, shop, rng, **settings)[1]


@inherited_study("enas", PAPER, epochs=150, steps=10, samples=50, learning_rate=0.005, entropy=1e-4)
def trained(session, shop, rng, *, epochs, steps, samples, learning_rate, entropy):
    """Inherited accuracy against trainings from scratch, and the cell chosen over time.

    Gives the supernet and the architecture chosen; over time: draws of the controller.
    """
    space, supernet = session.space, shop.supernet()
    sizes = space.cardinalities
    controller = Policy(
        sizes, [len(sizes)], 64, learning_rate, entropy, seed=int(rng.integers(2**31))
    )
    weights, baseline = Weights(supernet, 0.1), None

    def drawn():
        for _ in range(100):
            code = controller.draw(np.zeros((1, 0), dtype=np.int64), rng)
            try:
                return code, space.arch(code[0].tolist())
            except InvalidArch:
                continue
        raise NasreproError(f"enas: 100 draws in a row are no architectures of {space.name}")

    validation = held_out(shop, 64)
    for epoch in range(epochs):
        for batch in shop.batches("train", 64):
            supernet.choose(drawn()[1].code)
            weights.step(epoch / epochs, batch)
        for _ in range(steps):
            images, labels = next(validation)
            code, arch = drawn()
            supernet.choose(arch.code)
            with torch.no_grad():
                reward = (supernet(images).argmax(1) == labels).double().mean().item()
            baseline = reward if baseline is None else 0.99 * baseline + 0.01 * reward
            controller.learn(code, np.ones((1, 1), dtype=bool), np.array([[reward - baseline]]))
        if epoch % max(1, epochs // 10) == 0:
            session.log("derived", done=epoch / epochs, code=list(arch.code))
    archs = sorted({drawn()[1] for _ in range(samples)})
    rated = [(-inherited(shop, supernet, arch), space.canonical(arch).code, arch) for arch in archs]
    return supernet, min(rated)[2]
