"""ProxylessNAS (Cai, Zhu, Han; ICLR 2019, arXiv:1812.00332; code: mit-han-lab/proxylessnas).

    train the weights of uniformly drawn paths for `warmup` epochs
    repeat for each step: g ~ p = softmax(alpha), one-hot;  train the weights of that path one step
        on a validation batch, new g:  dL/dg_i = sum(o_i(x) dL/dy) for all operations (or two)
        alpha <- Adam on  sum_j dL/dg_j p_j (delta_ij - p_i)  and on the expected latency
    return argmax alpha of each decision

`gates` "two" draws two operations by p, renormalises, updates both, and shifts their alpha so that
their total chance stays. Latency E[T] = sum over decisions of sum_i p_i T_i; `latency` "mul" is
0.2 CE (log E[T] / log T_ref)^0.3, "add" CE + 0.2 (E[T] - T_ref) / T_ref, "none" CE alone.

Deviations:
    - From the authors' code, as our sheet of it says; the paper's body was not read. Their RL twin,
      label smoothing and weight decay 4e-5 are not built.
    - T is in MACs (thousands), exact and additive on the spaces here, not milliseconds of a phone.
      T_ref is `target` of the largest architecture's. MACs of what all architectures share count.
    - Adam at 0.02 and an architecture step after each weight step; theirs 0.001, one of five, in
      120 epochs of 4,800 steps. Here there are 100 epochs of 6.
    - Their rule that alpha gets no gradient where a zero operation was drawn is not used: in these
      spaces nothing else would ever leave `none`.
    - Weights begin at a rate of 0.1, as all supernets here, theirs at 0.025.
"""

import math

import torch
import torch.nn.functional as F

from nasrepro.methods.nets.one_shot import Weights, code_of, inherited_study, pairs
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import method

PAPER = "arXiv:1812.00332"


@method(
    "proxylessnas",
    paper=PAPER,
    workshop=True,
    at_least={"warmup": 0},
    warmup=40,
    epochs=100,
    learning_rate=0.02,
    gates="full",
    latency="none",
    target=0.5,
)
def search(session, rng, *, warmup, epochs, learning_rate, gates, latency, target):
    """Path-level binarisation with gradients of gates.

    Args:
        session: the search session; it needs a workshop.
        rng: random generator.
        warmup: passes over the training images before alpha moves.
        epochs: after them.
        learning_rate: of alpha.
        gates: "full" or "two".
        latency: "none", "mul" or "add".
        target: of the latency, as a share of the largest architecture's.
    """
    for name, value, known in (
        ("gates", gates, ("full", "two")),
        ("latency", latency, ("none", "mul", "add")),
    ):
        if value not in known:
            raise NasreproError(f"proxylessnas: {name} {value!r} is none of {', '.join(known)}")
    settings = {
        "warmup": warmup,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "gates": gates,
        "latency": latency,
        "target": target,
    }
    with session.workshop(rng) as shop:
        return trained(session, shop, rng, **settings)[1]


class Latency:
    """MACs of each option of each decision, in thousands; they add up on these spaces.

    Args:
        session: the search session.
        target: share of the largest architecture's.
    """

    def __init__(self, session, target):
        space = session.space
        base = (0,) * len(space.cardinalities)

        def macs(decision, option):
            code = (*base[:decision], option, *base[decision + 1 :])
            return session.complexity(space.arch(code)).macs / 1000

        self.shared = macs(0, 0)
        self.table = torch.tensor(
            [
                [macs(decision, option) - self.shared for option in range(options)]
                for decision, options in enumerate(space.cardinalities)
            ]
        )
        self.target = target * (self.shared + self.table.max(1).values.sum().item())

    def expected(self, chances):
        """E[T] of (decisions, options) chances."""
        return self.shared + (chances * self.table).sum()

    def loss(self, form, cross_entropy, chances):
        """The loss with the latency in it."""
        if form == "mul":
            ratio = self.expected(chances).log() / math.log(self.target)
            return 0.2 * cross_entropy * ratio**0.3
        if form == "add":
            return cross_entropy + 0.2 * (self.expected(chances) - self.target) / self.target
        return cross_entropy


def gradient_of_alpha(chances, gate_gradients):
    """sum_j dL/dg_j p_j (delta_ij - p_i), in each row."""
    weighted = gate_gradients * chances
    return weighted - chances * weighted.sum(-1, keepdim=True)


def shifted_back(alpha, moved, pair):
    """`moved` with both alpha of each row's pair shifted: their total chance is that of `alpha`."""
    rows = torch.arange(len(alpha))[:, None]
    excess = moved[rows, pair].logsumexp(1) - alpha[rows, pair].logsumexp(1)
    back = moved.clone()
    back[rows, pair] -= excess[:, None]
    return back


def drawn(chances, rng, count):
    """Options of each row drawn by chance without replacement, (rows, count)."""
    noise = torch.tensor(rng.gumbel(size=tuple(chances.shape)), dtype=chances.dtype)
    return (chances.log() + noise).topk(count, dim=1).indices


@inherited_study(
    "proxylessnas",
    PAPER,
    at_least={"warmup": 0},
    warmup=40,
    epochs=100,
    learning_rate=0.02,
    gates="full",
    latency="none",
    target=0.5,
)
def trained(session, shop, rng, *, warmup, epochs, learning_rate, gates, latency, target):
    """Inherited accuracy against trainings from scratch, and the cell chosen over time.

    Gives the supernet and the architecture chosen; over time: the cell of largest alpha.
    """
    space, supernet = session.space, shop.supernet()
    shape = len(space.cardinalities), max(space.cardinalities)
    alpha = torch.tensor(1e-3 * rng.standard_normal(shape), dtype=torch.float32, requires_grad=True)
    optimiser = torch.optim.Adam([alpha], learning_rate, betas=(0.0, 0.999))
    price = Latency(session, target)
    shop.train(supernet, warmup, before=lambda: supernet.choose(space.sample(rng).code))
    weights, tenth = Weights(supernet, 0.1), -1
    for done, batch, validation in pairs(shop, epochs):
        supernet.choose(drawn(alpha.detach().softmax(1), rng, 1)[:, 0].tolist())
        weights.step(done, batch)
        _step(supernet, alpha, optimiser, validation, rng, gates, latency, price)
        if int(10 * done) > tenth:
            tenth = int(10 * done)
            session.keep(space.arch(code_of(alpha)))
            session.log("derived", done=done, code=list(code_of(alpha)))
    return supernet, space.arch(code_of(alpha))


def _step(supernet, alpha, optimiser, batch, rng, gates, latency, price):
    """One step of alpha."""
    images, labels = batch
    chances = alpha.detach().softmax(1)
    options = chances.shape[1]
    pair = drawn(chances, rng, options if gates == "full" else 2)
    among = chances.gather(1, pair)
    among = among / among.sum(1, keepdim=True)
    place = drawn(among, rng, 1)
    gate = torch.zeros_like(chances).scatter(1, pair.gather(1, place), 1.0).requires_grad_()
    supernet.mix(gate, pair.tolist())
    cross_entropy = F.cross_entropy(supernet(images), labels)
    priced = chances.clone().requires_grad_()
    loss = price.loss(latency, cross_entropy, priced)
    of_gate, of_latency = torch.autograd.grad(loss, [gate, priced], materialize_grads=True)
    slope = of_gate + of_latency
    before = alpha.detach().clone()
    alpha.grad = torch.zeros_like(alpha).scatter(
        1, pair, gradient_of_alpha(among, slope.gather(1, pair))
    )
    optimiser.step()
    if gates == "two":
        with torch.no_grad():
            untouched = before.scatter(1, pair, alpha.gather(1, pair))  # Adam moves the others too
            alpha.copy_(shifted_back(before, untouched, pair))
