"""What methods share.

These are graphs as arrays, the graph autoencoder, DNGO, the Gaussian process, and what is measured
of a latent space.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys import SPACE

from nasrepro.methods.nets import dngo, gaussian_process, latent, supervised, vgae
from nasrepro.methods.nets.graphs import Graphs, graphs_of, pack
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.suite.space import Graph

EDGE = Graph(("in", "out"), np.array([[False, True], [False, False]]))
PATH = Graph(
    ("in", "a", "out"), np.triu(np.ones((3, 3), dtype=bool), 1) & ~np.eye(3, k=2, dtype=bool)
)
SMALL = vgae.Recipe(epochs=2, batch=8, hidden=8, layers=2, latent=4)


@pytest.fixture(scope="module")
def cells() -> Graphs:
    """60 cells of NAS-Bench-201."""
    space = Cell201()
    return pack(space.graph(space.at(index)) for index in range(60))


def recipe(**changes: Any) -> vgae.Recipe:
    return vgae.Recipe(
        **{"epochs": 2, "batch": 8, "hidden": 8, "layers": 2, "latent": 4, **changes}
    )


# -- graphs ----------------------------------------------------------------------------------------
def test_graphs_are_padded_at_the_end_with_the_input_first_and_the_output_last() -> None:
    packed = pack([EDGE, PATH])
    assert (
        packed.vocabulary == ("in", "a", "out")
        and packed.ops.shape == (2, 3, 3)
        and packed.adjacency.shape == (2, 3, 3)
    )
    assert packed.ops[0].tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert packed.adjacency.tolist() == [
        [[0, 1, 0], [0, 0, 0], [0, 0, 0]],
        [[0, 1, 0], [0, 0, 1], [0, 0, 0]],
    ]
    alone = pack([EDGE], like=packed)
    assert np.array_equal(alone.ops, packed.ops[:1]) and alone.vocabulary == packed.vocabulary
    with pytest.raises(KeyError):
        pack([PATH], like=pack([EDGE]))


def test_the_hash_of_graphs_sees_operations_edges_and_names() -> None:
    none = Graph(("in", "a", "out"), np.zeros((3, 3), dtype=bool))
    renamed = Graph(("in", "b", "out"), PATH.adjacency)
    assert len({pack([each]).sha256 for each in (PATH, none, renamed, EDGE)}) == 4


def test_the_discrete_encoding_is_what_differs(cells: Graphs) -> None:
    space = Cell201()
    vectors = graphs_of(space).vectors
    assert (
        vectors.shape == (15_625, 30) and len(np.unique(vectors, axis=0)) == 15_625
    )  # 5 operations on 6 edges; all edges are there
    assert vectors[17] @ vectors[17] == 6
    assert graphs_of(SPACE).vectors.shape == (81, 1)  # the toy's graphs are all the same
    assert graphs_of(space) is graphs_of(space)


# -- the autoencoder -------------------------------------------------------------------------------
def test_shapes(cells: Graphs) -> None:
    network = vgae.Autoencoder(len(cells.vocabulary), SMALL)
    ops, adjacency = vgae.tensors(cells)
    ops_logits, edge_logits, mu, log_scale = network(ops, vgae.symmetric(adjacency))
    assert (
        ops_logits.shape == (60, 8, 7)
        and edge_logits.shape == (60, 8, 8)
        and mu.shape == log_scale.shape == (60, 8, 4)
    )
    assert torch.equal(edge_logits, edge_logits.mT)
    assert vgae.means(network.eval(), cells, chunk=7).shape == (60, 8, 4)
    authors = vgae.Recipe()
    assert (authors.hidden, authors.layers, authors.latent, authors.dropout, authors.batch) == (
        128,
        4,
        16,
        0.3,
        32,
    )


def test_the_encoder_by_hand() -> None:
    encoder = vgae.Encoder(2, 2, 1).eval()
    first, _, _, second, _ = encoder.mlps[0]
    with torch.no_grad():
        encoder.epsilon.fill_(0.5)
        for linear in (first, second):
            linear.weight.copy_(torch.eye(2))
            linear.bias.zero_()
    ops = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    edges = torch.tensor([[[0.0, 1.0], [0.0, 0.0]]])
    scale = 1 / (1 + 1e-5)  # two batch norms with running mean 0 and variance 1
    expected = torch.tensor([[[1.5, 1.0], [1.0, 1.5]]]) * scale
    torch.testing.assert_close(encoder(ops, vgae.symmetric(edges)), expected)


def test_the_loss_by_hand() -> None:
    ops_logits, edge_logits = (
        torch.tensor([[[2.0, -1.0], [0.5, 0.0]]]),
        torch.tensor([[[9.0, 0.7], [9.0, 9.0]]]),
    )
    mu, log_scale = (
        torch.tensor([[[1.0, 0.0], [0.0, -2.0]]]),
        torch.tensor([[[0.0, 0.0], [np.log(0.5), 0.0]]], dtype=torch.float32),
    )
    ops, adjacency = (
        torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]),
        torch.tensor([[[0.0, 1.0], [0.0, 0.0]]]),
    )

    def cross_entropy(logit: float, target: float) -> float:
        p = 1 / (1 + np.exp(-logit))
        return float(-(target * np.log(p) + (1 - target) * np.log(1 - p)))

    of_ops = np.mean(
        [cross_entropy(2, 1), cross_entropy(-1, 0), cross_entropy(0.5, 0), cross_entropy(0, 1)]
    )
    of_edges = cross_entropy(0.7, 1) / 4  # one edge above the diagonal, mean over the whole matrix
    # KL of N(m, s^2) and N(0, 1): (m^2 + s^2 - 1) / 2 - log s; the mean over 2 nodes, divided by 1
    # graph * 2 nodes
    kl = np.mean([0.5, 2.0 + (0.25 - 1) / 2 - np.log(0.5)]) / 2
    assert vgae.kl_divergence(mu, log_scale).item() == pytest.approx(kl, rel=1e-6)
    assert vgae.loss_of(
        ops_logits, edge_logits, mu, log_scale, ops, adjacency
    ).item() == pytest.approx(of_ops + of_edges + kl, rel=1e-6)


def test_isomorphic_graphs_have_the_same_embedding(cells: Graphs) -> None:
    network, _ = vgae.train(cells, SMALL)
    order = np.array([0, 3, 1, 2, 6, 4, 5, 7])
    edges = cells.adjacency + cells.adjacency.swapaxes(1, 2)
    ops, adjacency = torch.from_numpy(cells.ops), torch.from_numpy(edges)
    with torch.no_grad():
        plain = network.mean(network.encoder(ops, adjacency))
        moved = network.mean(network.encoder(ops[:, order], adjacency[:, order][:, :, order]))
    torch.testing.assert_close(moved, plain[:, order], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(moved.mean(1), plain.mean(1), atol=1e-5, rtol=1e-4)
    assert (
        plain.mean(1)[0] - plain.mean(1)[1]
    ).abs().max() > 1e-3  # other operations, another place


def test_training_lowers_the_loss_and_leaves_the_generators_alone(
    cells: Graphs, global_generators_untouched: None
) -> None:
    threads, before = torch.get_num_threads(), torch.get_rng_state()
    ops, adjacency = vgae.tensors(cells)
    losses = []
    for epochs in (0, 20):
        network, _ = vgae.train(cells, recipe(epochs=epochs, learning_rate=1e-2))
        with torch.no_grad():
            ops_logits, edge_logits, mu, log_scale = network(ops, vgae.symmetric(adjacency))
            losses.append(
                vgae.loss_of(ops_logits, edge_logits, mu, log_scale, ops, adjacency).item()
            )
    assert losses[1] < 0.7 * losses[0]
    assert torch.equal(torch.get_rng_state(), before) and torch.get_num_threads() == threads


def batch_norm(network: vgae.Autoencoder) -> torch.Tensor:
    return network.encoder.mlps[0][1].num_batches_tracked


def test_the_authors_behaviour_stops_sampling_and_batch_statistics_after_the_first_epoch(
    cells: Graphs,
) -> None:
    steps = 7  # ceil(0.9 * 60 / 8)
    counts = {
        (epochs, authors): int(
            batch_norm(vgae.train(cells, recipe(epochs=epochs, eval_after_first_epoch=authors))[0])
        )
        for epochs in (1, 3)
        for authors in (True, False)
    }
    assert counts == {(1, True): steps, (1, False): steps, (3, True): steps, (3, False): 3 * steps}
    once = [
        vgae.means(vgae.train(cells, recipe(epochs=1, eval_after_first_epoch=authors))[0], cells)
        for authors in (True, False)
    ]
    assert np.array_equal(*once)
    thrice = [
        vgae.means(vgae.train(cells, recipe(epochs=3, eval_after_first_epoch=authors))[0], cells)
        for authors in (True, False)
    ]
    assert not np.allclose(*thrice, atol=1e-3)


def test_a_cached_encoder_is_the_trained_one(
    cells: Graphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path))
    fresh = vgae.pretrained(cells, SMALL)
    (file,) = (tmp_path / "encoders").iterdir()
    assert file.name == f"vgae-{vgae.key_of(cells, SMALL)}.pt"
    monkeypatch.setattr(vgae, "train", None)  # not called again
    cached = vgae.pretrained(cells, SMALL)
    assert cached.seconds == fresh.seconds > 0 and not cached.network.training
    assert np.array_equal(vgae.means(cached.network, cells), vgae.means(fresh.network, cells))
    monkeypatch.undo()
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path))
    file.write_bytes(file.read_bytes()[:100])  # damaged: made again, the same
    again = vgae.pretrained(cells, SMALL)
    assert np.array_equal(vgae.means(again.network, cells), vgae.means(fresh.network, cells))
    keys = {
        vgae.key_of(cells, each)
        for each in (SMALL, recipe(seed=2), recipe(eval_after_first_epoch=False), recipe(epochs=3))
    }
    keys.add(vgae.key_of(cells[:59], SMALL))
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "another one")
    assert len({*keys, vgae.key_of(cells, SMALL)}) == 6


# -- surrogates ------------------------------------------------------------------------------------
def test_bayesian_linear_regression_is_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    for n, d in ((30, 5), (4, 9)):  # more and fewer points than features
        features, new = rng.standard_normal((n, d)), rng.standard_normal((6, d))
        y = features @ rng.standard_normal(d) + 0.1 * rng.standard_normal(n)
        alpha, beta = 0.7, 25.0
        precision = beta * features.T @ features + alpha * np.eye(d)
        weights = beta * np.linalg.solve(precision, features.T @ y)
        mean, variance = dngo.posterior(features, y, alpha, beta).predict(new)
        np.testing.assert_allclose(mean, new @ weights, rtol=1e-9)
        np.testing.assert_allclose(
            variance,
            1 / beta + np.einsum("nd,nd->n", new, np.linalg.solve(precision, new.T).T),
            rtol=1e-9,
        )
        covariance = (
            np.eye(n) / beta + features @ features.T / alpha
        )  # the evidence is the density of y
        expected = -0.5 * (
            y @ np.linalg.solve(covariance, y)
            + np.linalg.slogdet(covariance)[1]
            + n * np.log(2 * np.pi)
        )
        assert dngo.evidence(features, y)(alpha, beta) == pytest.approx(expected, rel=1e-9)
        # the authors' library leaves out the square of the misfit
        precision = beta * features.T @ features + alpha * np.eye(features.shape[1])
        misfit = np.linalg.norm(y - features @ (beta * np.linalg.solve(precision, features.T @ y)))
        unsquared = dngo.evidence(features, y, squared=False)(alpha, beta)
        assert unsquared == pytest.approx(expected + beta / 2 * (misfit**2 - misfit), rel=1e-9)


def test_the_evidence_finds_the_noise() -> None:
    rng = np.random.default_rng(1)
    features = rng.standard_normal((400, 5))
    y = features @ rng.standard_normal(5) + 0.2 * rng.standard_normal(400)
    found = dngo.fitted_posterior(features, y, rng)
    assert found.beta**-0.5 == pytest.approx(0.2, rel=0.1)
    log_evidence = dngo.evidence(features, y)
    best = log_evidence(found.alpha, found.beta)
    assert all(
        log_evidence(found.alpha * a, found.beta * b) < best
        for a, b in ((2, 1), (0.5, 1), (1, 2), (1, 0.5))
    )


def test_the_network_of_dngo_is_trained_as_torch_would() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((10, 3)), rng.standard_normal(10)
    weight, bias = dngo.train_features(x, y, np.random.default_rng(5), units=4, epochs=5)
    start, _ = dngo.train_features(x, y, np.random.default_rng(5), units=4, epochs=0)
    same = np.random.default_rng(5)
    hidden, output = torch.nn.Linear(3, 4).double(), torch.nn.Linear(4, 1).double()
    first, last = same.uniform(-1, 1, 16) / np.sqrt(3), same.uniform(-1, 1, 5) / 2
    with torch.no_grad():
        hidden.weight.copy_(torch.from_numpy(first[:12].reshape(3, 4).T))
        hidden.bias.copy_(torch.from_numpy(first[12:]))
        output.weight.copy_(torch.from_numpy(last[:4])[None])
        output.bias.copy_(torch.from_numpy(last[4:]))
    np.testing.assert_array_equal(hidden.weight.detach().numpy().T, start)
    optimiser = torch.optim.Adam([*hidden.parameters(), *output.parameters()], lr=0.01)
    for _ in range(5):  # one batch of all ten points, in any order
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(
            output(torch.tanh(hidden(torch.from_numpy(x))))[:, 0], torch.from_numpy(y)
        ).backward()
        optimiser.step()
    np.testing.assert_allclose(weight, hidden.weight.detach().numpy().T, rtol=1e-6)
    np.testing.assert_allclose(bias, hidden.bias.detach().numpy(), rtol=1e-6)


def smooth(points: np.ndarray) -> np.ndarray:
    return 0.9 + 0.05 * np.tanh(points[:, 0]) - 0.02 * points[:, 1] ** 2


@pytest.mark.parametrize("surrogate", ["dngo", "gp"])
def test_surrogates_predict_what_they_have_not_seen(
    surrogate: str, global_generators_untouched: None
) -> None:
    rng = np.random.default_rng(3)
    points = rng.standard_normal((300, 4))
    y, rows = smooth(points), rng.permutation(300)[:60]
    if surrogate == "dngo":
        mean, variance = dngo.predict_all(points, rows, y[rows], rng)
    else:
        mean, variance = gaussian_process.predict_all(points, rows, y[rows])
    rest = np.setdiff1d(np.arange(300), rows)
    assert mean.shape == variance.shape == (300,) and (variance > 0).all()
    assert np.corrcoef(mean[rest], y[rest])[0, 1] > 0.8
    assert np.abs(mean[rows] - y[rows]).mean() < 0.5 * np.abs(mean[rest] - y[rest]).mean()


def test_surrogates_bear_points_and_values_that_are_all_the_same() -> None:
    points, rows, y = np.zeros((20, 1)), np.arange(5), np.full(5, 0.5)
    for mean, variance in (
        dngo.predict_all(points, rows, y, np.random.default_rng(0)),
        gaussian_process.predict_all(points, rows, y),
    ):
        assert np.isfinite(mean).all() and np.isfinite(variance).all() and np.ptp(mean) < 1e-9


def test_the_supervised_encoder_learns_from_accuracies(
    cells: Graphs, global_generators_untouched: None
) -> None:
    before = torch.get_rng_state()
    y = cells.ops[:, :, cells.vocabulary.index("nor_conv_3x3")].sum(1) / 6
    rows = np.arange(40)
    mean, variance = supervised.predict_all(
        cells, rows, y[rows].astype(np.float64), np.random.default_rng(0), epochs=12
    )
    assert mean.shape == variance.shape == (60,) and (variance > 0).all()
    assert np.corrcoef(mean[40:], y[40:])[0, 1] > 0.7
    assert torch.equal(torch.get_rng_state(), before)


# -- what is measured ------------------------------------------------------------------------------
def test_the_live_part_of_a_graph() -> None:
    edges = np.zeros((5, 5), dtype=bool)
    edges[0, 1] = edges[1, 4] = edges[0, 2] = edges[3, 4] = (
        True  # 2 leads nowhere, 3 comes from nowhere
    )
    assert latent.live_part(edges).tolist() == [0, 1, 4]
    edges[1, 4] = False
    assert latent.live_part(edges).tolist() == []


def test_fingerprints_are_equal_for_relabelled_graphs_alone() -> None:
    rng = np.random.default_rng(0)
    space = Dag101()
    seen: dict[tuple[int, ...], int] = {}
    labels = ("input", "conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3", "output")
    for index in rng.integers(len(space), size=200).tolist():
        arch = space.at(index)
        graph = space.graph(arch)
        size = len(graph.ops)
        order = [0, *(1 + rng.permutation(size - 2)), size - 1]
        numbers = [labels.index(op) for op in graph.ops]
        moved = latent.fingerprint(
            graph.adjacency[np.ix_(order, order)], [numbers[i] for i in order]
        )
        assert moved == latent.fingerprint(graph.adjacency, numbers)
        assert seen.setdefault(moved, index) == index


def test_the_judge_of_nasbench201_is_the_authors_and_the_strict_one() -> None:
    space = Cell201()
    graphs = graphs_of(space)
    judge = latent.Judge(space, graphs)
    edges, ops = graphs.adjacency[5] > 0, graphs.ops[5].argmax(-1)
    assert judge.valid(edges, ops) and judge.cell(edges, ops)
    assert judge.valid(np.zeros_like(edges), ops) and not judge.cell(
        np.zeros_like(edges), ops
    )  # theirs sees no edges
    for node, valid in (
        (0, False),
        (1, True),
        (2, False),
        (6, False),
        (7, False),
    ):  # nor the operation of node 1
        wrong = ops.copy()
        wrong[node] = 0 if node else 1
        assert judge.valid(edges, wrong) is valid and not judge.cell(edges, wrong)


def test_the_judge_of_nasbench101_is_the_benchmarks() -> None:
    space = Dag101()
    graphs = pack([space.graph(space.at(index)) for index in (400_000, 400_001)])
    judge = latent.Judge(space, graphs)
    number = graphs.vocabulary.index
    edges = np.zeros((7, 7), dtype=bool)
    edges[0, 1] = edges[0, 2] = edges[1, 3] = edges[2, 3] = edges[3, 6] = True
    ops = np.array(
        [
            number(op)
            for op in (
                "input",
                "conv3x3-bn-relu",
                "maxpool3x3",
                "conv1x1-bn-relu",
                "output",
                "input",
                "output",
            )
        ]
    )
    assert judge.valid(edges, ops)
    wrong = ops.copy()
    wrong[3] = number("output")
    assert not judge.valid(edges, wrong) and not judge.valid(np.zeros_like(edges), ops)
    assert not judge.valid(np.triu(np.ones((7, 7), dtype=bool), 1), ops)  # 21 edges


def test_a_walk_takes_one_edit_at_a_time() -> None:
    space, rng = Cell201(), np.random.default_rng(0)
    for start in (space.at(0), space.at(7)):
        path = list(latent.walk(space, start, 8, rng))
        assert len(path) == 6  # every decision once
        assert [
            sum(a != b for a, b in zip(start.code, arch.code, strict=True)) for arch in path
        ] == [1, 2, 3, 4, 5, 6]
    dag = Dag101()
    start = dag.at(300_000)
    path = list(latent.walk(dag, start, 3, rng))
    assert [sum(a != b for a, b in zip(start.code, arch.code, strict=True)) for arch in path] == [
        1,
        2,
        3,
    ]
