"""The workshop: what it counts and trains, that a killed run goes on, what it never shows."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import fx, nn
from toys import cell

import nasrepro as nr
from nasrepro.oracles.images.sets import originals
from nasrepro.oracles.training import workshop as workshops
from nasrepro.oracles.training.digits import load_digits
from nasrepro.oracles.training.recipe import Recipe
from nasrepro.suite.errors import BudgetExhausted, NasreproError, ProtocolError
from nasrepro.suite.experiments.worker import Done, Team, execute_here
from nasrepro.suite.oracle import Oracle, searching
from nasrepro.suite.search import Budget, Session

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"


@pytest.fixture(scope="module", name="oracle")
def oracle_fixture() -> Oracle:
    return nr.load("workshop201")


def opened(oracle: Oracle, seconds: float = 100, checkpoints: Path | None = None) -> Session:
    budget = Budget(seconds=seconds)
    return Session(oracle, dataset="digits", epochs=30, budget=budget, checkpoints=checkpoints)


def weights(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def test_work_is_counted_by_hand(oracle: Oracle) -> None:
    session = opened(oracle)
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(128, 10))
    with session.workshop(np.random.default_rng(0)) as shop:
        shop.validate(network, images=400)
    rates = workshops.COUNTED_AT
    batch = (
        3 * rates["call"]
        + 200 * (18 * 64 + 1280) * rates["mac"]
        + 200 * (128 + 128 + 10) * rates["number"]
    )
    assert session.clock_s == pytest.approx(2 * batch)
    assert session.ledger.workshop_s == session.clock_s
    with session.workshop(np.random.default_rng(0)) as shop:  # and gradients cost two more passes
        before = session.clock_s
        images, _ = next(shop.batches("valid", 200))
        network(images).sum().backward()
    assert session.clock_s - before == pytest.approx(3 * batch)


def test_work_that_no_layer_does_is_what_the_method_states(oracle: Oracle) -> None:
    session = opened(oracle, seconds=0.5)
    with session.workshop(np.random.default_rng(0)) as shop:
        shop.work(0.25)
    assert session.clock_s == session.ledger.workshop_s == 0.25
    for seconds in (-0.1, float("nan"), float("inf")):
        with (
            session.workshop(np.random.default_rng(0)) as shop,
            pytest.raises(NasreproError, match="give 0 or a positive number"),
        ):
            shop.work(seconds)
    with pytest.raises(BudgetExhausted), session.workshop(np.random.default_rng(0)) as shop:
        shop.work(0.3)
    assert session.clock_s == 0.25


def test_what_does_not_fit_is_not_booked(oracle: Oracle) -> None:
    session = opened(oracle, seconds=0.02)
    with pytest.raises(BudgetExhausted), session.workshop(np.random.default_rng(0)) as shop:
        shop.train(shop.build(oracle.space.parse(CELL)), 100)
    assert 0 < session.clock_s <= 0.02
    assert session.exhausted


def test_oracle_without_workshop_says_so() -> None:
    session = opened(nr.load("digits201"))
    with pytest.raises(NasreproError, match="digits201 offers no workshop"):
        session.workshop(np.random.default_rng(0))


def test_training_lowers_the_loss_and_repeats(oracle: Oracle) -> None:
    runs = []
    for _ in range(2):
        with opened(oracle).workshop(np.random.default_rng(3)) as shop:
            network = shop.build(oracle.space.parse(CELL))
            losses = shop.train(network, 6)
            runs.append((losses, shop.validate(network), weights(network)))
    assert runs[0][:2] == runs[1][:2]
    assert runs[0][0][-1] < runs[0][0][0] - 0.05
    assert all(torch.equal(runs[0][2][name], runs[1][2][name]) for name in runs[0][2])


def test_frozen_parts_stay_and_masks_hold(oracle: Oracle) -> None:
    with opened(oracle).workshop(np.random.default_rng(0)) as shop:
        network = shop.build(oracle.space.parse(CELL))
        first = weights(network)
        name = "cells.0.layers.0.op.1.weight"
        mask = (torch.rand(network.get_parameter(name).shape) > 0.5).float()
        shop.train(network, 1, frozen=["stem."], masks={name: mask})
        last = weights(network)
        with pytest.raises(NasreproError, match="no parameter head"):
            shop.train(network, 1, frozen=["head"])
    assert all(torch.equal(first[key], last[key]) for key in first if key.startswith("stem."))
    assert torch.equal(last[name] != 0, mask != 0)
    assert not torch.equal(first["classifier.weight"], last["classifier.weight"])


def test_penalty_moves_what_it_weighs(oracle: Oracle) -> None:
    norms = []
    for strength in (0.0, 1.0):
        with opened(oracle).workshop(np.random.default_rng(0)) as shop:
            network = shop.build(oracle.space.parse(CELL))

            def penalty(of: nn.Module, strength: float = strength) -> torch.Tensor:
                return strength * of.get_parameter("classifier.weight").abs().sum()

            shop.train(network, 2, penalty=penalty)
            norms.append(network.get_parameter("classifier.weight").abs().sum().item())
    assert norms[1] < 0.5 * norms[0]


def test_calibration_and_batch_statistics(oracle: Oracle) -> None:
    with opened(oracle).workshop(np.random.default_rng(0)) as shop:
        network = shop.build(oracle.space.parse(CELL))
        shop.train(network, 2)
        before = weights(network)
        shop.validate(network, statistics="batch")
        after = weights(network)
        assert all(torch.equal(before[name], after[name]) for name in before)
        shop.calibrate(network, images=200)
    images = load_digits(Recipe()).train[0][:200, :, 1:-1, 1:-1]
    stem = network.get_submodule("stem.0")(images)
    norm = network.get_submodule("stem.1")
    assert torch.allclose(norm.running_mean, stem.mean((0, 2, 3)), atol=1e-5)
    assert torch.allclose(norm.running_var, stem.var((0, 2, 3)), rtol=1e-4)
    assert norm.momentum == 0.1


class Killed(Exception):
    """Stands for the end of a process."""


def test_killed_training_goes_on(
    oracle: Oracle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workshops, "KEPT_EVERY_S", 0.0)

    def run(session: Session, dies_at: int = 0) -> tuple[list[list[float]], object, int]:
        rng = np.random.default_rng(5)
        steps = 0

        def before() -> None:
            nonlocal steps
            steps += 1
            if steps == dies_at:
                raise Killed
            rng.random()

        with session.workshop(rng) as shop:
            network = shop.build(oracle.space.parse(CELL))
            losses = [shop.train(network, epochs, before=before) for epochs in (2, 3)]
            return losses, weights(network), steps

    whole = opened(oracle)
    losses, state, _ = run(whole)
    with pytest.raises(Killed):
        run(opened(oracle, checkpoints=tmp_path), dies_at=6 * 4 + 2)  # in the last epoch but one
    again = opened(oracle, checkpoints=tmp_path)
    resumed_losses, resumed_state, resumed_steps = run(again)
    assert (resumed_losses, resumed_steps) == (losses, 6)
    assert all(torch.equal(state[name], resumed_state[name]) for name in state)
    assert again.clock_s == pytest.approx(whole.clock_s)


HANDS_BACK = f'''"""Hands a network back."""
import torch
from nasrepro.suite.registry import method


@method("toy_shop", paper="none")
def search(session, rng):
    with session.workshop(rng) as shop:
        network = shop.build(session.space.parse("{CELL}"))
        name = "cells.0.layers.0.op.1.weight"
        shop.train(network, 20, masks={{name: torch.eye(8)[:, :, None, None]}})
        session.log("size", params=shop.measure(network).params, macs=shop.measure(network).macs)
    return network
'''


def test_runner_examines_the_network_that_is_handed_back(oracle: Oracle) -> None:
    made = cell(HANDS_BACK, oracle="workshop201", dataset="digits", budget=Budget(seconds=10))
    done = execute_here(made)
    assert isinstance(done, Done)
    record = done.record
    assert record.status == "done", record.error
    assert record.chosen.startswith("network ")
    metrics = record.reports["digits"].metrics
    size = oracle.space.complexity(oracle.space.parse(CELL), classes=10, size=8)
    assert metrics["params"] == size.params
    assert metrics["macs"] == size.macs - 10  # the space counts the biases of the classifier
    zeros = 9 * (64 - 8)
    assert metrics["sparsity"] == pytest.approx(zeros / (9 * 8 + 9 * 64 + 64 + 80))
    assert metrics["test_accuracy"] > 0.3
    assert record.simulated_s > 0 and record.overhead_s["workshop"] > 0


def test_what_is_packed_depends_on_the_network_alone(oracle: Oracle) -> None:
    """Not on the object that it was traced from, its address, or the file that its code is in."""
    assert oracle.workshops is not None
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(72, 10))
    packed = [
        oracle.workshops.packed(torch.fx.symbolic_trace(network), oracle.info.datasets[0])
        for _ in range(2)
    ]
    assert packed[0] == packed[1]
    with zipfile.ZipFile(io.BytesIO(packed[0])) as archive:
        texts = [archive.read(name) for name in archive.namelist()]
    assert not any(str(Path(torch.__file__).parent).encode() in text for text in texts)


def test_networks_are_examined_from_several_threads(oracle: Oracle) -> None:
    """Of which a runner has one for each worker; torch reads one graph at a time."""
    digits = oracle.info.dataset("digits")
    network = oracle.space.build(oracle.space.parse(CELL), classes=10)
    packed = oracle.workshops.packed(network, digits)
    with ThreadPoolExecutor(4) as pool:
        examined = list(pool.map(lambda _: oracle.workshops.examine(packed, digits), range(8)))
    assert all(each == examined[0] for each in examined)


def test_packing_a_network_starts_no_thread(oracle: Oracle) -> None:
    """A worker whose run leaves a thread behind is ended, and the next one imports torch again."""
    network = fx.symbolic_trace(oracle.space.build(oracle.space.parse(CELL), classes=10))
    before = threading.active_count()
    oracle.workshops.packed(network, oracle.info.dataset("digits"))
    assert threading.active_count() == before


def test_bits_of_a_weight() -> None:
    assert workshops._bits(torch.randn(10, 10)) == 32
    assert workshops._bits(torch.tensor([0.5, -0.5, 0.0, 1.0]).repeat(10)) == 2
    assert workshops._bits(torch.zeros(8)) == 1


SPIES = '''"""Looks for images everywhere in its process."""
import gc, hashlib
import numpy as np
import torch
from nasrepro.suite.registry import method


@method("toy_spy", paper="none")
def search(session, rng):
    with session.workshop(rng) as shop:
        network = shop.build(session.space.sample(rng))
        shop.validate(network)
        seen = set()
        for thing in gc.get_objects():
            if isinstance(thing, torch.Tensor | np.ndarray) and tuple(thing.shape[-2:]) == (8, 8):
                for image in np.asarray(thing).reshape(-1, 64):
                    if image.std() > 0:
                        image = (image - image.min()) / np.ptp(image)
                        seen.add(hashlib.sha256(np.round(16 * image)).hexdigest())
    session.log("seen", images=sorted(seen))
    return network
'''


def test_no_test_image_is_in_the_process_of_a_search() -> None:
    made = cell(SPIES, oracle="workshop201", dataset="digits", budget=Budget(seconds=10))
    team = Team()
    try:
        answer = team.perform(made)
    finally:
        team.close()
    assert answer.ran, answer.text
    from nasrepro.suite.experiments.audit import Outcome

    (event,) = Outcome.from_json(answer.text).events
    seen = set(event["images"])

    def hashed(images: torch.Tensor) -> set[str]:
        names = set()
        for image in images.reshape(-1, 64).numpy():
            scaled = (image - image.min()) / np.ptp(image)
            names.add(hashlib.sha256(np.round(16 * scaled)).hexdigest())
        return names

    digits = load_digits(Recipe())
    valid, test = hashed(digits.valid[0]), hashed(digits.test[0])
    assert len(seen & valid) == len(valid)
    assert not seen & (test - valid)
    parts = originals("digits")
    raw = torch.from_numpy(parts.test.images(np.arange(813)).astype(np.float32))
    assert not seen & (hashed(raw) - valid)


def test_examination_is_closed_to_searches(oracle: Oracle) -> None:
    assert oracle.workshops is not None
    with searching(), pytest.raises(ProtocolError, match="the test part"):
        oracle.workshops.examine(b"", oracle.info.dataset("digits"))


def test_what_is_no_network_is_refused(oracle: Oracle) -> None:
    text = HANDS_BACK.replace("return network\n", "return 7\n")
    made = cell(text, oracle="workshop201", dataset="digits", budget=Budget(seconds=10))
    done = execute_here(made)
    assert isinstance(done, Done)
    assert done.record.status == "failed"
    assert "the method returned 7" in done.record.error
