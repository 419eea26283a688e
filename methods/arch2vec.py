"""arch2vec (Yan et al., NeurIPS 2020, arXiv:2006.06936).

Search in a latent space learnt from architectures alone.

    pre-train a variational graph autoencoder on 90 % of the space, without accuracies; embed every
      architecture (`nets/vgae.py`)
    "bo":        evaluate `initial` at random; repeat: fit DNGO to what is known, evaluate the
                 `batch` with the largest expected improvement among all embeddings
    "reinforce": state <- embedding of a random architecture; repeat: action ~ N(LSTM(state), I),
                 evaluate the unvisited architecture nearest to it, which is the next state;
                 every 16 of them one step of Adam on mean(-log p (score - baseline))
    return the best ever evaluated

Deviations:
    - Defaults are the authors' for NAS-Bench-101. For NAS-Bench-201 they take batch 1, incumbent 1,
      baseline 0.4, skip 1, 10 epochs and pre-training seed 3. Of five seeds one does not learn to
      rebuild its cells, and which one depends on how the processor rounds: seed 3 rebuilds all of
      NAS-Bench-201 with AVX-512 and 9 % of it without (study `arch2vec.reconstruction`).
    - Pre-training sees the space of the session: on the public slice of NAS-Bench-101 that is
      27,000 cells, theirs was 381,000.
    - All methods of a plan search the same values (by default the mean over the table's trainings).
      The authors gave arch2vec the mean of three trainings and its rivals on NAS-Bench-101 one
      drawn at random.
    - Their code means to skip what was evaluated, but compares tensors by identity, so BO evaluates
      (and pays) again: `requery`.
    - Their expected improvement takes the predictive variance for the standard deviation, and a
      fixed incumbent: kept as defaults; `spread = "deviation"` and `incumbent = "best"` are the
      textbook's. It is ranked by its logarithm (Ament et al., NeurIPS 2023), since in their single
      precision most values are 0 and the order among them is an accident.
    - `misfit` "norm" is theirs: the evidence of their changed pybnn (`dngo.py`) leaves out the
      square of the misfit; "squared" is Bishop's Eq. 3.86.
    - Their search pays for 12 epochs of training and one validation; the table of NAS-Bench-201
      here has no validation times, so a query costs the training alone, and 12,000 s buy more.
    - surrogate "gp" is a Gaussian process, today's usual choice; it is not in the paper.
    - encoding "discrete" (one-hot operations and edges) and "supervised" (the same graph network,
      trained on what was evaluated) are controls. `head` "latent" is theirs (`dngo_supervised.py`):
      the tanh of the mean vectors are the features, and batch norm stays in training mode, over 512
      graphs at a time (theirs are shuffled, ours in the order of the space); "hidden" is ours.
    - Their script of the supervised BO takes u = mean - 0.95 / variance for (mean - 0.95) /
      variance, which chooses by the variance alone; it never re-queries. `improvement` "misplaced"
      and `requery` = false do so; the defaults here are those of arch2vec itself.
    - Their supervised REINFORCE never moves its state from the first architecture; ours does.
    - The baseline and the fixed incumbent are for accuracies; where scores are negative (losses),
      give others. REINFORCE earns 0 by a diverged training, which is no punishment there.
    - `epochs = 0` is a control of ours: the embedding by a network that was not trained at all.
    - The CPU seconds of pre-training (not those of embedding the space, under a second) are booked
      in each run, also where a cached encoder is used: a user of the method has to spend them once
      before the first query, and a bill without them would compare a prepared method with
      unprepared ones.

The file is longer than 400 lines: a method, its switches, and three studies of one latent space
read together.
"""

import json
from functools import lru_cache, partial
from itertools import product
from typing import Any

import numpy as np
from scipy.special import ndtr
from threadpoolctl import threadpool_limits

from nasrepro.methods.nets.graphs import graphs_of, pack
from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.registry import load_oracle, method, study

KNOWN = {
    "encoding": ("arch2vec", "supervised", "discrete"),
    "strategy": ("bo", "reinforce"),
    "surrogate": ("dngo", "gp"),
    "spread": ("variance", "deviation"),
    "misfit": ("norm", "squared"),
    "head": ("latent", "hidden"),
    "improvement": ("expected", "misplaced"),
}


@method(
    "arch2vec",
    paper="arXiv:2006.06936; parameters of the authors' code",
    floating=True,
    at_least={"epochs": 0, "pretraining_seed": 0},
    encoding="arch2vec",
    strategy="bo",
    surrogate="dngo",
    initial=16,
    batch=5,
    incumbent=0.95,
    spread="variance",
    requery=True,
    misfit="norm",
    head="latent",
    improvement="expected",
    baseline=0.95,
    skip=0,
    epochs=8,
    eval_after_first_epoch=True,
    pretraining_seed=1,
)
def search(
    session,
    rng,
    *,
    encoding,
    strategy,
    surrogate,
    initial,
    batch,
    incumbent: float | str,
    spread,
    requery,
    misfit,
    head,
    improvement,
    baseline,
    skip,
    epochs,
    eval_after_first_epoch,
    pretraining_seed,
):
    """Bayesian optimisation or REINFORCE over embeddings.

    Args:
        session: the search session.
        rng: random generator.
        encoding: "arch2vec", "supervised" or "discrete".
        strategy: "bo" or "reinforce".
        surrogate: of BO, "dngo" or "gp".
        initial: random architectures before BO.
        batch: evaluations of BO between two fits.
        incumbent: what BO improves on, a score or "best" for the best so far.
        spread: what expected improvement takes for the standard deviation: the predictive
            "variance" (the authors) or "deviation".
        requery: BO may choose again what it evaluated, as the authors' code does.
        misfit: in DNGO's evidence, "norm" (the authors) or "squared".
        head: of the supervised surrogate, "latent" (the authors) or "hidden".
        improvement: "expected", or "misplaced" as in the authors' supervised script.
        baseline: of REINFORCE.
        skip: nearest architectures that REINFORCE passes over, visited or not.
        epochs: of pre-training.
        eval_after_first_epoch: the authors' pre-training; see `nets/vgae.py`.
        pretraining_seed: of pre-training; one encoder serves all searches, as in the paper.
    """
    chosen = {"encoding": encoding, "strategy": strategy, "surrogate": surrogate, "spread": spread}
    chosen |= {"misfit": misfit, "head": head, "improvement": improvement}
    for what, given in chosen.items():
        if given not in KNOWN[what]:
            raise UnknownName(f"{what} of arch2vec:", given, KNOWN[what])
    if encoding == "supervised" and strategy == "bo" and surrogate == "gp":
        raise NasreproError(
            'arch2vec: encoding "supervised" trains its own surrogate; use surrogate = "dngo" '
            "with it"
        )
    with threadpool_limits(1, "blas"):  # one thread: the same numbers in every worker
        points = None
        if encoding == "arch2vec":
            with session.charge("pretraining") as took:
                points, seconds = embedding(
                    session.space, epochs, eval_after_first_epoch, pretraining_seed
                )
                took(seconds)
        elif encoding == "discrete":
            points = graphs_of(session.space).vectors
        if strategy == "reinforce":
            reinforce(session, rng, points, baseline=baseline, skip=skip)
        else:
            bayesian(
                session,
                rng,
                surrogate_of(session.space, points, surrogate, misfit == "squared", head, rng),
                initial,
                batch,
                incumbent,
                spread,
                requery,
                improvement == "misplaced",
            )


@lru_cache(maxsize=4)
def embedding(space, epochs, eval_after_first_epoch, seed):
    """Embeddings of a space's architectures, float64, shape (n, 16), and the time to learn them.

    The time is the CPU seconds of pre-training.
    """
    from nasrepro.methods.nets.vgae import Recipe, means, pretrained

    graphs = graphs_of(space)
    made = pretrained(
        graphs, Recipe(epochs=epochs, eval_after_first_epoch=eval_after_first_epoch, seed=seed)
    )
    return means(made.network, graphs).mean(1).astype(np.float64), made.seconds


def surrogate_of(space, points, kind, squared, head, rng):
    """A function from rows and their values to mean and variance at all architectures.

    `points` is None for the supervised encoding.
    """
    if points is None:
        from nasrepro.methods.nets import supervised

        return partial(
            supervised.predict_all, graphs_of(space), rng=rng, head=head, squared=squared
        )
    if kind == "gp":
        from nasrepro.methods.nets import gaussian_process

        return partial(gaussian_process.predict_all, points)
    from nasrepro.methods.nets import dngo

    return partial(dngo.predict_all, points, rng=rng, squared=squared)


def bayesian(session, rng, predict, initial, batch, incumbent, spread, requery, misplaced):
    """Evaluate what promises the most, `batch` at a time, until the budget ends or all is done."""
    archs = tuple(session.space)
    rows = rng.permutation(len(archs))[:initial].tolist()
    scores = [session.evaluate(archs[row]).score for row in rows]
    while requery or len(rows) < len(archs):
        with session.charge("predictor"):
            y = np.array(scores)
            y = np.maximum(
                y, np.min(y[np.isfinite(y)], initial=0.0)
            )  # a diverged training: 0, or the worst where scores are losses
            mean, variance = predict(np.array(rows), y)
            best = y.max() if incumbent == "best" else incumbent
            deviation = variance if spread == "variance" else np.sqrt(variance)
            u = mean - best / deviation if misplaced else (mean - best) / deviation
            gain = log_expected_improvement(u, deviation)
            allowed = np.setdiff1d(np.arange(len(archs)), [] if requery else rows)
            chosen = rng.permutation(allowed)  # equal embeddings in random order
            chosen = chosen[np.argsort(-gain[chosen], kind="stable")[:batch]].tolist()
        for row in chosen:
            scores.append(session.evaluate(archs[row]).score)
            rows.append(row)


def log_expected_improvement(u, deviation):
    """Logarithm of E[max(f - best, 0)] for f ~ N(mean, deviation^2), arrays of shape (n,).

    Exact where the value itself would be 0. `u` is (mean - best) / deviation.
    """
    log_density = -0.5 * u**2 - 0.5 * np.log(2 * np.pi)
    near = np.maximum(u, -25.0)
    value = np.exp(-0.5 * near**2 - 0.5 * np.log(2 * np.pi)) + near * ndtr(near)
    tail = (
        log_density - 2 * np.log(np.maximum(np.abs(u), 1.0)) + np.log1p(-3 / np.maximum(u**2, 6.0))
    )  # phi(u) / u^2 (1 - 3 / u^2)
    return np.log(deviation) + np.where(u > -25.0, np.log(value), tail)


def reinforce(session, rng, points, *, baseline, skip, steps=16):
    """REINFORCE with an LSTM policy whose actions are points of the latent space.

    `points` is None for the supervised encoding.
    """
    import torch

    from nasrepro.methods.nets import supervised
    from nasrepro.methods.nets.vgae import contained, tensors

    graphs = graphs_of(session.space)  # refuses a space that is too large to be listed
    archs = tuple(session.space)
    with contained(int(rng.integers(2**31))):
        with session.charge("policy"):
            width = 16 if points is None else points.shape[1]
            encoder = supervised.MeanEncoder(
                len(graphs.vocabulary), latent=width
            )  # learns where it is used, in the supervised encoding
            cell, head = torch.nn.LSTMCell(width, 128), torch.nn.Linear(128, width)
            groups: list[dict[str, Any]] = [
                {"params": [*cell.parameters(), *head.parameters()]},
                {"params": encoder.parameters(), "lr": 1e-3},
            ]
            optimiser = torch.optim.Adam(groups, lr=1e-2)
        state = int(rng.integers(len(archs)))
        unvisited = np.ones(len(archs), dtype=bool)
        unvisited[state] = False  # where the walk begins; not evaluated
        while unvisited.any():
            with session.charge("policy"):
                places = supervised.vectors(encoder, graphs) if points is None else points
                encoder.train()
            hidden, log_chances, rewards = None, [], []
            for _ in range(min(steps, int(unvisited.sum()))):
                with session.charge("policy"):
                    here = (
                        encoder(*tensors(graphs[state : state + 1]))
                        if points is None
                        else torch.from_numpy(places[state : state + 1]).float()
                    )
                    hidden = cell(here, hidden)
                    mean = head(hidden[0])
                    action = mean.detach() + torch.randn(mean.shape)
                    log_chances.append(-0.5 * ((action - mean) ** 2).sum())  # up to a constant
                    distance = ((places - action.double().numpy()) ** 2).sum(1)
                    if skip and unvisited.sum() > skip:
                        distance[np.argsort(distance, kind="stable")[:skip]] = np.inf
                    distance[~unvisited] = np.inf
                    state = int(rng.choice(np.flatnonzero(distance == distance.min())))
                unvisited[state] = False
                score = session.evaluate(archs[state]).score
                rewards.append(score if np.isfinite(score) else 0.0)
            with session.charge("policy"):
                loss = torch.stack(
                    [
                        -chance * (reward - baseline)
                        for chance, reward in zip(log_chances, rewards, strict=True)
                    ]
                ).mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()


# -- what is measured of the latent space ----------------------------------------------------------
@study(
    "arch2vec.reconstruction",
    paper="arXiv:2006.06936; the authors' models/pretraining_nasbench101.py",
    by=("oracle", "behaviour", "pretraining_seed"),
    at_least={"epochs": 0},
    oracle="nasbench201",
    samples=10_000,
    epochs=8,
    pretraining_seeds=[1],
)
def reconstruction(rng, *, oracle, samples, epochs, pretraining_seeds):
    """How well the latent space rebuilds architectures and decodes random points.

    It is measured on held-out architectures; of what random latent points decode to, the shares
    that are valid and unique are given.

    Args:
        rng: random generator.
        oracle: its search space.
        samples: latent points, from a normal distribution with mean and deviation of the training
            part's mu, for each node: of the trained encoder, and as the authors' code takes them,
            while the last epoch was running ("_theirs").
        epochs: of pre-training.
        pretraining_seeds: of the encoders; each is trained in both behaviours.
    """
    import torch

    from nasrepro.methods.nets.latent import Judge
    from nasrepro.methods.nets.vgae import Recipe, means, pretrained, symmetric, tensors

    space = load_oracle(oracle).space
    graphs = graphs_of(space)
    judge, upper = Judge(space, graphs), np.triu_indices(graphs.ops.shape[1], 1)
    for seed, authors in product(pretraining_seeds, (True, False)):
        recipe = Recipe(epochs=epochs, eval_after_first_epoch=authors, seed=seed)
        made = pretrained(graphs, recipe)
        count = int(len(graphs) * recipe.share)
        trained, held = graphs[:count], graphs[count:]
        mu = means(made.network, trained)
        noise = rng.standard_normal((samples, *mu.shape[1:]))
        with torch.no_grad():
            ops, adjacency = tensors(held)
            ops_logits, edge_logits, *_ = made.network(ops, symmetric(adjacency))
        node = held.ops.any(-1)  # padding has no operation to get right
        right_ops = (ops_logits.argmax(-1).numpy() == held.ops.argmax(-1)) | ~node
        right_edges = (edge_logits.numpy() > 0)[:, *upper] == (held.adjacency > 0)[:, *upper]
        ours, theirs = (
            _decoded(made.network, judge, noise * spread + centre)
            for centre, spread in ((mu.mean(0), mu.std(0)), (made.centre, made.spread))
        )
        yield {
            "oracle": oracle,
            "behaviour": "evaluation mode after epoch 1" if authors else "training mode throughout",
            "pretraining_seed": seed,
            "operations_right": float(right_ops[node].mean()),
            "edges_right": float(right_edges.mean()),
            "architectures_right": float((right_ops.all(1) & right_edges.all(1)).mean()),
            **ours,
            "valid_theirs": theirs["valid"],
            "unique_among_valid_theirs": theirs["unique_among_valid"],
            "pretraining_s": made.seconds,
        }


def _decoded(network, judge, z):
    """Shares of latent points (n, V, latent) that decode to valid graphs, and to cells.

    And the share of distinct graphs among the valid ones.
    """
    import torch

    from nasrepro.methods.nets.latent import fingerprint

    with torch.no_grad():
        ops, adjacency = network.decode(torch.from_numpy(z).float())
    kinds, edges = ops.argmax(-1).numpy(), np.triu(adjacency.numpy() > 0, 1)
    valid = [row for row in range(len(z)) if judge.valid(edges[row], kinds[row])]
    distinct = {fingerprint(edges[row], kinds[row]) for row in valid}
    return {
        "valid": len(valid) / len(z),
        "cells": sum(judge.cell(edges[row], kinds[row]) for row in valid) / len(z),
        "unique_among_valid": len(distinct) / len(valid) if valid else None,
    }


@study(
    "arch2vec.smoothness",
    paper="arXiv:2006.06936; the authors' plot_scripts/distance_comparison_fig3.py",
    by=("oracle", "encoder", "edits"),
    at_least={"epochs": 0, "pretraining_seed": 0},
    oracle="nasbench201",
    walks=500,
    steps=6,
    epochs=8,
    pretraining_seed=1,
)
def smoothness(rng, *, oracle, walks, steps, epochs, pretraining_seed):
    """Distance in the latent space against the number of edits, by random walks.

    Beside it a network that was not trained.

    Args:
        rng: random generator.
        oracle: its search space; walks may leave the part of it that a table has.
        walks: from random architectures.
        steps: edits, at most.
        epochs: of pre-training.
        pretraining_seed: of pre-training.
    """
    from nasrepro.methods.nets.latent import walk
    from nasrepro.methods.nets.vgae import Recipe, means, pretrained

    space = load_oracle(oracle).space
    graphs = graphs_of(space)
    starts = [space.sample(rng) for _ in range(walks)]
    paths = [[start, *walk(space, start, steps, rng)] for start in starts]
    packed = pack([space.graph(arch) for path in paths for arch in path], like=graphs)
    edits = np.concatenate([np.arange(len(path)) for path in paths])
    first = np.repeat(np.cumsum([0, *map(len, paths[:-1])]), list(map(len, paths)))
    for encoder, length in (("pre-trained", epochs), ("untrained", 0)):
        network = pretrained(graphs, Recipe(epochs=length, seed=pretraining_seed)).network
        scale = np.sqrt(
            means(network, graphs).mean(1).var(0).sum() * 2
        )  # root mean square distance of two random architectures
        points = means(network, packed).mean(1)
        distance = np.linalg.norm(points - points[first], axis=1) / scale
        for step in range(1, steps + 1):
            some = distance[edits == step]
            yield {
                "oracle": oracle,
                "encoder": encoder,
                "edits": step,
                "distance": float(some.mean()) if len(some) else None,
                "distance_deviation": float(some.std()) if len(some) else None,
                "walks": len(some),
            }


@study(
    "arch2vec.map",
    paper="arXiv:2006.06936",
    by=("oracle", "dataset", "encoder"),
    at_least={"epochs": 0, "pretraining_seed": 0},
    oracle="nasbench201",
    points=2000,
    epochs=8,
    pretraining_seed=1,
)
def latent_map(rng, *, oracle, points, epochs, pretraining_seed):
    """How accuracy lies in the latent space.

    Its first two principal components, and how alike nearest neighbours are.

    Args:
        rng: random generator.
        oracle: its search space; the first data set's target after its longest training.
        points: architectures drawn.
        epochs: of pre-training.
        pretraining_seed: of pre-training.
    """
    opened = load_oracle(oracle)
    archs, dataset = tuple(opened.space), opened.info.datasets[0].name
    rows = np.sort(rng.permutation(len(archs))[:points])
    target = opened.info.target_of(dataset).name
    accuracy = opened.query_many(
        [archs[row] for row in rows], dataset=dataset, epochs=opened.epochs(dataset)[-1]
    )[target]
    for encoder, length in (("pre-trained", epochs), ("untrained", 0)):
        embedded, _ = embedding(opened.space, length, True, pretraining_seed)
        centred = embedded - embedded.mean(0)
        _, singular, axes = np.linalg.svd(centred, full_matrices=False)
        x, y = axes[:2] @ centred[rows].T
        yield {
            "oracle": oracle,
            "dataset": dataset,
            "encoder": encoder,
            "variance_explained": float((singular[:2] ** 2).sum() / (singular**2).sum()),
            "accuracy_difference_of_nearest": nearest_difference(centred[rows], accuracy),
            "accuracy_difference_of_any": float(
                np.abs(accuracy - rng.permutation(accuracy)).mean()
            ),
            "_points": json.dumps(np.stack([x, y, accuracy], axis=1).round(5).tolist()),
        }


def nearest_difference(points, values):
    """Mean absolute difference of the values of each point and the point nearest to it.

    The values have shape (n,), the points shape (n, d).
    """
    from scipy.spatial import KDTree

    _, nearest = KDTree(points).query(points, k=2)
    return float(np.abs(values - values[nearest[:, 1]]).mean())
