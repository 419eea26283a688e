"""The objects that stand for `nats_bench`, `nas_201_api` and `nasbench.api`.

The same answers, and none of their silent mistakes.
"""

from __future__ import annotations

import ast
import copy
import pickle
import random
import re

import numpy as np
import pytest

from nasrepro.oracles import compat
from nasrepro.oracles.compat.answer import TOGETHER
from nasrepro.oracles.nasbench101 import INFO
from nasrepro.oracles.spaces.hash101 import HASHES
from nasrepro.suite.data import Table, write_table
from nasrepro.suite.errors import DataMissing, InvalidArch, NotTabulated, ProtocolError, UnknownName
from nasrepro.suite.oracle import TableOracle, searching

DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
CELL_284 = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|nor_conv_1x1~1|none~2|"
INCEPTION = [
    [0, 1, 1, 1, 0, 1, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 0],
]
CONV1, CONV3, POOL = OPS = "conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3"
CANONICAL = [CONV3, CONV1, POOL]
INCEPTION_OPS = ["input", CONV1, CONV3, CONV3, CONV3, POOL, "output"]


@pytest.fixture
def tss(nasbench201):
    return compat.create(None, "tss", fast_mode=True, verbose=False)


@pytest.fixture
def sss(real):
    real("natsbench_size")
    return compat.create(None, "sss", fast_mode=True, verbose=False)


def official(mirror, name, space):
    nats_bench = pytest.importorskip("nats_bench", reason="the extra `official` is not installed")
    folders = sorted(mirror.glob(f"D-X-Y/NATS-Bench/*/fake_torch_dir/{name}-simple"))
    if not folders:
        pytest.skip("the official sample records are not in NASREPRO_MIRROR")
    return nats_bench.create(str(folders[0]), space, fast_mode=True, verbose=False)


@pytest.fixture(scope="module")
def official_tss(mirror):
    return official(mirror, "NATS-tss-v1_0-3ffb9", "tss")


@pytest.fixture(scope="module")
def official_sss(mirror):
    return official(mirror, "NATS-sss-v1_0-50262", "sss")


def agree(ours, theirs):
    """Every number of ours is theirs; returns the keys they have and we do not."""
    assert set(ours) <= set(theirs)
    for key, value in ours.items():
        if key != "comment":
            assert value == pytest.approx(theirs[key], rel=1e-5, abs=1e-4), key
    return set(theirs) - set(ours)


# -- nats_bench: the official records
# ------------------------------------------------------------------------
@pytest.mark.parametrize("index", [0, 11])
@pytest.mark.parametrize("hp", ["12", "200"])
@pytest.mark.parametrize("dataset", DATASETS)
def test_means_are_the_official_ones(tss, official_tss, index, hp, dataset):
    ours = tss.get_more_info(index, dataset, hp=hp, is_random=False)
    missing = agree(ours, official_tss.get_more_info(index, dataset, hp=hp, is_random=False))
    expected = (
        {"test-accuracy"}
        if dataset == "cifar10"
        else {"valid-accuracy", "train-all-time", "train-per-time"}
    )
    assert expected <= set(ours)
    assert (
        not {key for key in missing if key.endswith("accuracy")}
        or hp == "12"
        or dataset == "cifar10"
    )
    for key in missing:
        assert key not in ours
        with pytest.raises(
            NotTabulated, match=f"trained on {dataset} for {hp} epochs, seed mean, has no '{key}': "
        ):
            ours[key]


@pytest.mark.parametrize("index", [0, 11])
@pytest.mark.parametrize("seed", [777, 888, 999])
@pytest.mark.parametrize("dataset", ["cifar10-valid", "cifar100", "ImageNet16-120"])
def test_trials_are_the_official_ones(tss, official_tss, index, seed, dataset):
    ours = tss.get_more_info(index, dataset, hp="200", is_random=seed)
    asked = official_tss.get_more_info(index, dataset, hp="200", is_random=seed)
    if dataset != "cifar10-valid":  # with test images in it, so not under the official key
        asked[TOGETHER] = asked.pop("valtest-accuracy")
    agree(ours, asked)
    assert ("valid-accuracy" if dataset == "cifar10-valid" else TOGETHER) in ours
    trials, theirs = (api.query_by_index(index, dataset, hp="200") for api in (tss, official_tss))
    assert list(trials) == list(theirs)
    name = "x-valid" if dataset == "cifar10-valid" else "ori-test"
    agree(trials[seed].get_eval(name), theirs[seed].get_eval(name))
    agree(trials[seed].get_train(), theirs[seed].get_train())
    assert trials[seed].get_total_epoch() == theirs[seed].get_total_epoch() == 200


@pytest.mark.parametrize("index", [0, 11])
def test_trials_on_50000_images_are_there_without_seeds(tss, official_tss, index):
    theirs = [
        official_tss.get_more_info(index, "cifar10", hp="200", is_random=seed)["test-accuracy"]
        for seed in (777, 888, 999)
    ]
    assert list(tss.query_by_index(index, "cifar10", hp=200)) == ["run1", "run2", "run3"]
    ours = [
        tss.get_more_info(index, "cifar10", hp="200", is_random=f"run{run}")["test-accuracy"]
        for run in (1, 2, 3)
    ]
    assert sorted(ours) == pytest.approx(sorted(theirs), abs=1e-4)
    with pytest.raises(
        NotTabulated, match="seed 777, has no accuracies; trials that have: run1, run2, run3"
    ):
        tss.get_more_info(index, "cifar10", hp="200", is_random=777)


@pytest.mark.parametrize("index", [0, 11])
@pytest.mark.parametrize("dataset", DATASETS)
def test_costs_are_the_official_ones(tss, official_tss, index, dataset):
    for hp in ("12", "200"):
        ours, theirs = (
            tss.get_cost_info(index, dataset, hp=hp),
            official_tss.get_cost_info(index, dataset, hp=hp),
        )
        missing = agree(ours, theirs)
        assert {"flops", "params"} <= set(ours) and "latency" in missing
        assert "T-train@total" in ours  # on all of CIFAR-10 twice the time of half of it
        agree(tss.query_meta_info_by_index(index, hp).get_compute_costs(dataset), theirs)


@pytest.mark.parametrize("index", [0, 11])
def test_architectures_are_the_official_ones(tss, official_tss, index):
    text = official_tss.arch(index)
    assert tss.arch(index) == tss[index] == text
    assert tss.query_index_by_arch(text) == index
    assert list(tss) == tss.meta_archs == list(official_tss.meta_archs)
    assert (
        tss.archstr2index == official_tss.archstr2index and len(tss) == len(official_tss) == 15625
    )
    assert tss.str2lists(text) == official_tss.str2lists(text)
    assert np.array_equal(tss.str2matrix(text), official_tss.str2matrix(text))
    assert tss.get_unique_str(index) == official_tss.get_unique_str(index)
    for name in (
        "is_size",
        "is_topology",
        "full_train_epochs",
        "full_epochs_in_paper",
        "search_space_name",
    ):
        assert getattr(tss, name) == getattr(official_tss, name)
    assert sorted(tss.avaliable_hps) == ["12", "200"]


@pytest.mark.parametrize("index", [0, 11])
@pytest.mark.parametrize(
    ("dataset", "hp"),
    [("cifar10", "12"), ("cifar100", "12"), ("ImageNet16-120", "12"), ("cifar10", "200")],
)
def test_a_simulated_training_is_an_official_one(tss, official_tss, index, dataset, hp):
    accuracy, latency, cost, total = tss.simulate_train_eval(index, dataset, hp=hp)
    trained = "cifar10-valid" if dataset == "cifar10" else dataset
    seeds = official_tss.query_meta_info_by_index(index, hp).get_dataset_seeds(trained)
    theirs = [official_tss.get_more_info(index, trained, hp=hp, is_random=seed) for seed in seeds]
    possible = [info["valid-accuracy"] for info in theirs]
    if (dataset, hp) == ("cifar10", "12"):  # the table has the mean of two trials
        possible = [np.mean(possible)]
    assert min(abs(accuracy - each) for each in possible) < 1e-4
    assert latency is None
    assert (
        cost == pytest.approx(theirs[0]["train-all-time"], rel=1e-6)
        and cost == total == tss.used_time
    )
    with_evaluation = official_tss.simulate_train_eval(index, dataset, hp=hp, account_time=False)[2]
    assert cost < with_evaluation < 1.06 * cost


@pytest.mark.parametrize("index", [0, 11])
def test_the_size_space_is_the_official_one(sss, official_sss, index):
    assert sss.arch(index) == official_sss.arch(index) and len(sss) == len(official_sss) == 32768
    assert list(sss)[:500] == list(official_sss.meta_archs)[:500] and sss.meta_archs == list(
        official_sss.meta_archs
    )
    for dataset in ("cifar10-valid", "cifar100", "ImageNet16-120"):
        for is_random in (False, True, 777):
            ours = sss.get_more_info(index, dataset, hp="90", is_random=is_random)
            agree(ours, official_sss.get_more_info(index, dataset, hp="90", is_random=is_random))
            assert "valid-accuracy" in ours
            with pytest.raises(NotTabulated, match="'test-accuracy'"):
                ours["test-accuracy"]
    for dataset in DATASETS:
        assert "latency" in agree(
            sss.get_cost_info(index, dataset, hp="90"),
            official_sss.get_cost_info(index, dataset, hp="90"),
        )
    for name in ("is_size", "is_topology", "full_train_epochs", "search_space_name"):
        assert getattr(sss, name) == getattr(official_sss, name)


# -- nats_bench: what it answers in silence
# ------------------------------------------------------------------
def test_numpy_integers_are_indices(tss):
    """`nats_bench` answers -1 for np.int64(284)."""
    for index in (284, np.int64(284), np.uint16(284), CELL_284, tss.oracle.space.at(284)):
        found = tss.query_index_by_arch(index)
        assert found == 284 and type(found) is int
        assert tss.get_more_info(index, "cifar10", hp="200", is_random=False)[
            "test-accuracy"
        ] == pytest.approx(88.79, abs=0.005)
        assert tss.get_cost_info(index, "cifar10")["flops"] == pytest.approx(11.7152, abs=1e-4)


def test_what_has_tostr_is_an_architecture(tss):
    class Structure:
        def tostr(self):
            return CELL_284

    assert tss.query_index_by_arch(Structure()) == 284


@pytest.mark.parametrize(
    "arch",
    ["|conv~0|+|none~0|none~1|+|none~0|none~1|none~2|", "bogus", -1, 15625, 2.0, None, True, [1]],
)
def test_an_unknown_architecture_is_an_error_and_not_minus_one(tss, arch):
    for ask in (
        tss.query_index_by_arch,
        lambda arch: tss.get_more_info(arch, "cifar10", hp="200"),
        lambda arch: tss.simulate_train_eval(arch, "cifar10", hp="12"),
        lambda arch: tss.query_by_index(arch, hp="12"),
    ):
        with pytest.raises((InvalidArch, UnknownName)):
            ask(arch)
    if isinstance(arch, str):
        with pytest.raises((InvalidArch, UnknownName)):
            tss.str2lists(arch)


def test_the_schedule_must_be_named(tss, sss):
    """12 epochs by default made users ask why all accuracies are below 90 %."""
    for ask in (
        lambda: tss.get_more_info(284, "cifar10"),
        lambda: tss.simulate_train_eval(284, "cifar10"),
        lambda: tss.query_by_index(284, "cifar10"),
        lambda: tss.find_best("cifar10", "test"),
        lambda: tss.query_info_str_by_arch(284),
    ):
        with pytest.raises(
            ProtocolError, match="hp, the schedule in epochs, must be given: '12' or '200'"
        ):
            ask()
    for hp, percent in (
        ("12", 79.46),
        (12, 79.46),
        ("200", 88.79),
        (200, 88.79),
        (np.int64(200), 88.79),
    ):
        assert (
            round(tss.get_more_info(284, "cifar10", hp=hp, is_random=False)["test-accuracy"], 2)
            == percent
        )
    for hp in ("90", "full", False, 0):
        with pytest.raises(
            NotTabulated, match=r"nasbench201 has no trainings with hp=.*; accepted: '12' or '200'"
        ):
            tss.get_more_info(284, "cifar10", hp=hp)
    with pytest.raises(
        NotTabulated, match="natsbench_size has no trainings with hp='01'; accepted: '90'"
    ):
        sss.get_more_info(0, "cifar100", hp="01")


@pytest.mark.usefixtures("global_generators_untouched")
def test_trials_are_drawn_by_a_generator_of_the_objects_own(nasbench201):
    def drawn(seed):
        api = compat.create(None, "tss", seed=seed)
        return [
            api.get_more_info(i % 3, "cifar10-valid", hp="200")["valid-accuracy"] for i in range(60)
        ] + [api.random()]

    assert drawn(0) == drawn(0) != drawn(1)
    api = compat.create(None, "tss")
    missing = int(
        np.flatnonzero(
            np.isnan(
                nasbench201.query_many(dataset="cifar10", epochs=200, seed=999)["valid_accuracy"]
            )
        )[0]
    )
    trials = {
        api.get_more_info(missing, "cifar10-valid", hp="200", is_random=seed)["valid-accuracy"]
        for seed in (777, 888)
    }
    assert {
        api.get_more_info(missing, "cifar10-valid", hp="200", is_random=True)["valid-accuracy"]
        for _ in range(40)
    } == trials
    assert api.query_meta_info_by_index(missing, "200").get_dataset_seeds("cifar10-valid") == [
        777,
        888,
    ]
    with pytest.raises(NotTabulated, match="seed 999"):
        api.get_more_info(missing, "cifar10-valid", hp="200", is_random=999)


def test_a_trial_is_drawn_only_where_there_are_trials(tss):
    for dataset in DATASETS[1:]:  # one trial of 12 epochs, which the mean is
        drawn = tss.get_more_info(5, dataset, hp="12", is_random=True)
        assert drawn == tss.get_more_info(5, dataset, hp="12", is_random=False)
    with pytest.raises(
        NotTabulated,
        match="no single trials of cifar10-valid with hp='12' to draw from; is_random=False gives "
        "the mean",
    ):
        tss.get_more_info(5, "cifar10-valid", hp="12")
    with pytest.raises(
        NotTabulated,
        match="no single trials of cifar100 with hp='12'; get_more_info gives their mean",
    ):
        tss.query_by_index(5, "cifar100", hp="12")
    assert tss.query_meta_info_by_index(5, "12").get_dataset_seeds("cifar100") == []


def test_cifar10_has_no_validation_and_its_test_is_not_validation(tss):
    """Four peers have four meanings of test accuracy.

    Validation as test, test with the validation half in it, ...
    """
    info = tss.get_more_info(284, "cifar10", hp="200", is_random=False)
    with pytest.raises(NotTabulated, match="'valid-accuracy'"):
        info["valid-accuracy"]
    with pytest.raises(UnknownName, match="unknown set of cifar10: 'x-valid'"):
        tss.query_by_index(284, hp="200").get_metrics("cifar10", "x-valid")
    half = tss.get_more_info(284, "cifar10-valid", hp="200", is_random=False)
    assert len({info["test-accuracy"], half["test-accuracy"], half["valid-accuracy"]}) == 3
    for dataset in DATASETS[2:]:
        info = tss.get_more_info(284, dataset, hp="200", is_random=False)
        assert len({info["valid-accuracy"], info["test-accuracy"], info["valtest-accuracy"]}) == 3
        accuracy = tss.simulate_train_eval(284, dataset, hp="200")[0]
        assert accuracy == info["valid-accuracy"]  # and never valtest, which has test images in it
    with pytest.raises(UnknownName, match="cifar10-valid"):
        tss.simulate_train_eval(284, "cifar10-valid", hp="200")
    for name in ("cifar100-valid", "CIFAR100"):  # NASBenchAPI answers None for the first
        with pytest.raises(UnknownName, match=f"unknown data set '{name}'; did you mean"):
            tss.get_more_info(284, name, hp="200")


def test_what_is_not_in_the_table_is_not_made_up(tss, sss):
    assert (
        tss.get_more_info(5, "cifar100", iepoch=199, hp="200", is_random=False)["valid-accuracy"]
        > 10
    )
    for iepoch in (0, 11, 198, 200, -1):
        with pytest.raises(
            NotTabulated,
            match=f"has no epoch {iepoch}, only the last one; accepted iepoch: None, 199",
        ):
            tss.get_more_info(5, "cifar100", iepoch=iepoch, hp="200", is_random=False)
    for api, hp in ((tss, "200"), (sss, "90")):
        for ask in (
            lambda api, hp: api.get_latency(5, "cifar100", hp=hp),
            lambda api, hp: api.get_cost_info(5, "cifar100", hp=hp)["latency"],
            lambda api, hp: api.query_by_index(5, "cifar100", hp=hp)[777].get_latency(),
        ):
            with pytest.raises(NotTabulated, match="latencies are in the tables of devices"):
                ask(api, hp)
    with pytest.raises(NotTabulated, match="T-train@total"):
        tss.get_cost_info(5, "cifar100")["T-train@total"]
    with pytest.raises(NotTabulated, match="no training time; get_more_info gives its accuracies"):
        sss.simulate_train_eval("8:8:8:16:32", "cifar10", hp="90")
    with pytest.raises(NotTabulated, match="has no accuracies; trials that have: none"):
        sss.get_more_info(5, "cifar10", hp="90", is_random=False)
    info = tss.get_more_info(5, "cifar100", hp="200", is_random=777)
    for again in (copy.deepcopy(info), pickle.loads(pickle.dumps(info))):
        assert again == info
        with pytest.raises(
            NotTabulated,
            match=r"'valid-accuracy': .*; it has: valid-and-test-accuracy, train-per-time, "
            r"train-all-time",
        ):
            again["valid-accuracy"]


def test_sizes_are_the_same_at_every_schedule(tss):
    for dataset in DATASETS:
        short, long = (tss.get_cost_info(5, dataset, hp=hp) for hp in ("12", "200"))
        assert [short[name] for name in ("flops", "params")] == [
            long[name] for name in ("flops", "params")
        ]
        if dataset != "cifar10":
            assert short["T-train@total"] == pytest.approx(long["T-train@total"] * 12 / 200)
            assert short["T-train@epoch"] == pytest.approx(long["T-train@epoch"])


def test_the_clock(tss):
    tss.simulate_train_eval(0, "cifar100", iepoch=11, hp="12")  # once an error in nats_bench
    tss.reset_time()
    costs = [tss.simulate_train_eval(index, "cifar10", hp="12") for index in range(5)]
    assert [each[3] for each in costs] == pytest.approx(np.cumsum([each[2] for each in costs]))
    before = tss.used_time
    assert tss.simulate_train_eval(3, "cifar10", hp="12", account_time=False)[3] == before
    tss.reset_time()
    assert tss.used_time == 0


def test_best_architectures(tss, sss):
    assert tss.find_best("cifar10-valid", "x-valid", hp="200") == tss.find_best(
        "cifar10", "valid", hp=200
    )
    for dataset, name, expected in [
        ("cifar10-valid", "valid", (6111, 91.6067)),
        ("cifar10", "test", (6111, 94.3733)),
        ("cifar100", "x-test", (9930, 73.5133)),
        ("ImageNet16-120", "valid", (10676, 46.7333)),
    ]:
        index, percent = tss.find_best(dataset, name, hp="200")
        assert (index, round(percent, 4)) == expected
    index, percent = tss.find_best("cifar10", "test", flop_max=50, param_max=0.4, hp="200")
    costs = tss.get_cost_info(index, "cifar10")
    assert costs["flops"] <= 50 and costs["params"] <= 0.4 and percent < 94.37
    with pytest.raises(
        NotTabulated, match=r"no architecture with at most 0\.1 M MACs"
    ):  # officially index -1
        tss.find_best("cifar10", "test", flop_max=0.1, hp="200")
    with pytest.raises(NotTabulated, match="natsbench_size has no cifar10 accuracies on test"):
        sss.find_best("cifar10", "test", hp="90")
    with pytest.raises(UnknownName, match="unknown set of cifar10: 'x-test'"):
        tss.find_best("cifar10", "x-test", hp="200")


def test_texts_and_constructors(tss, sss, capsys):
    for make in (
        lambda: compat.create("NATS-tss-v1_0-3ffb9-simple", "topology", True, True),
        lambda: compat.NASBench201API("a.pth", False),
    ):
        api = make()
        assert api.get_more_info(1, "cifar100", None, "200", False) == tss.get_more_info(
            1, "cifar100", hp="200", is_random=False
        )
    assert isinstance(sss, compat.NATSsize) and "32768" in repr(sss)
    assert capsys.readouterr().out == ""  # the official ones print, verbose or not
    with pytest.raises(UnknownName, match="unknown search space 'nas'"):
        compat.create(None, "nas")
    assert tss.query_info_str_by_arch(CELL_284, "200").splitlines()[0] == CELL_284
    assert "test  : [loss = nan & top1 = 88.79%]" in tss.query_info_str_by_arch(284, "200")
    assert "cifar10 " not in sss.query_info_str_by_arch(
        0, 90
    ) and "cifar100" in sss.query_info_str_by_arch(0, 90)
    tss.show(284)
    assert capsys.readouterr().out.count(CELL_284) == 2


def test_search_space_info():
    nats_bench = pytest.importorskip("nats_bench", reason="the extra `official` is not installed")
    for tags in [("nats-bench", "sss"), ("nats-bench", "topology"), ("nas-bench-201", None)]:
        assert compat.search_space_info(*tags) == nats_bench.search_space_info(*tags)
    with pytest.raises(UnknownName, match="search space"):
        compat.search_space_info("nas-bench-201", "tss")


def test_nothing_is_answered_while_a_search_of_the_suite_runs(tss):
    tss.get_more_info(0, "cifar10", hp="200")
    with searching():
        for ask in (
            lambda: tss.get_more_info(0, "cifar10", hp="200"),
            lambda: tss.find_best("cifar10", "test", hp="200"),
        ):
            with pytest.raises(ProtocolError, match="without the session"):
                ask()


# -- scripts in the style of the published ones
# --------------------------------------------------------------
EVOLUTION = """
import random
from collections import deque
from nats_bench import create

api = create(None, "tss", fast_mode=True, verbose=False)
ops = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
random.seed(1)

def to_string(cell):
    return "+".join("|" + "|".join(f"{op}~{i}" for i, op in enumerate(node)) + "|" for node in cell)

def train_and_eval(cell):
    accuracy, latency, cost, total = api.simulate_train_eval(to_string(cell), dataset, iepoch=None, hp="12")
    return accuracy, total

def mutate(cell):
    child = [list(node) for node in cell]
    node = random.randint(0, 2)
    edge = random.randint(0, node)
    child[node][edge] = random.choice([op for op in ops if op != child[node][edge]])
    return child

dataset = "cifar10"
api.reset_time()
population, history, total = deque(), [], 0
while total < 20000:
    if len(population) < 10:
        cell = [[random.choice(ops) for _ in range(node + 1)] for node in range(3)]
    else:
        cell = mutate(max(random.sample(list(population), 5), key=lambda each: each[0])[1])
        population.popleft()
    accuracy, total = train_and_eval(cell)
    population.append((accuracy, cell))
    history.append((accuracy, cell))
best = to_string(max(history, key=lambda each: each[0])[1])
info = api.get_more_info(api.query_index_by_arch(best), "cifar10", hp="200", is_random=False)
result = (len(history), best, info["test-accuracy"], api.used_time, api.query_info_str_by_arch(best, "200"))
"""  # noqa: E501

RANDOM_SEARCH = """
import random
import numpy as np
from nasbench import api

nasbench = api.NASBench("/path/to/nasbench_only108.tfrecord")
INPUT, OUTPUT, OPS = "input", "output", ["conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3"]
np.random.seed(1)
random.seed(1)

def random_spec():
    while True:
        matrix = np.triu(np.random.choice([0, 1], size=(7, 7)), 1)
        ops = [INPUT, *[random.choice(OPS) for _ in range(5)], OUTPUT]
        spec = api.ModelSpec(matrix=matrix, ops=ops)
        if nasbench.is_valid(spec):
            return spec

nasbench.reset_budget_counters()
times, valids, tests = [0.0], [0.0], [0.0]
while times[-1] < 50000:
    data = nasbench.query(random_spec())
    if data["validation_accuracy"] > valids[-1]:
        valids.append(data["validation_accuracy"])
        tests.append(data["test_accuracy"])
    else:
        valids.append(valids[-1])
        tests.append(tests[-1])
    times.append(nasbench.get_budget_counters()[0])
result = (len(times), valids[-1], tests[-1])
"""


def run(script, old, new):
    """The script's result with one import changed."""
    assert script.count(old) == 1
    names = {}
    state = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        exec(compile(ast.parse(script.replace(old, new)), "script", "exec"), names)
    finally:
        random.setstate(state[0])
        np.random.set_state(state[1])  # noqa: NPY002
    return names["result"]


@pytest.mark.usefixtures("nasbench201")
@pytest.mark.parametrize(
    "new",
    [
        "from nasrepro.oracles.compat import create",
        "from nasrepro.oracles.compat import NATStopology\ncreate = lambda a, s, **k: "
        "NATStopology(a, **k)",
    ],
)
def test_a_script_for_nats_bench_runs_with_another_import(new):
    count, best, test, used, text = run(EVOLUTION, "from nats_bench import create", new)
    assert count > 50 and 92 < test < 94.4 and used > 20000
    assert text.startswith(best)
    assert (count, best, test, used, text) == run(EVOLUTION, "from nats_bench import create", new)


def test_a_script_for_nasbench_runs_with_another_import(real):
    real("ecnas_4v")
    count, valid, test = run(
        RANDOM_SEARCH,
        "from nasbench import api",
        "from nasrepro.oracles.compat import ecnas_4v as api",
    )
    assert count > 5 and 0.85 < valid < 0.95 and 0.8 < test < 0.95 and test != valid


def test_a_script_that_reads_test_accuracies_of_the_slice_is_told_so(real):
    real("nasbench101_slice")
    with pytest.raises(NotTabulated, match="nasbench101_slice, 108 epochs, has no 'test_accuracy'"):
        run(
            RANDOM_SEARCH,
            "from nasbench import api",
            "from nasrepro.oracles.compat import nasbench101_slice as api",
        )


# -- nasbench
# ------------------------------------------------------------------------------------------------
@pytest.fixture
def ecnas(real):
    real("ecnas_4v")
    return compat.ecnas_4v.NASBench()


@pytest.fixture
def cell():
    return compat.ModelSpec(
        [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]], ["input", CONV3, POOL, "output"]
    )


@pytest.mark.parametrize("dtype", [int, np.int8, np.uint8, bool, float, np.float32])
def test_the_hash_does_not_depend_on_the_type_of_the_matrix(dtype):
    """`nasbench` hashes a matrix of floats differently, so that a valid cell is not found."""
    spec = compat.ModelSpec(np.array(INCEPTION, dtype=dtype), INCEPTION_OPS)
    assert (
        spec.hash_spec(CANONICAL)
        == spec.hash_spec(np.array(CANONICAL))
        == "28cfc7874f6d200472e1a9dcd8650aa0"
    )
    assert spec.matrix.dtype == int and spec.valid_spec


def test_specifications_are_pruned():
    matrix = np.triu(np.ones((4, 4), dtype=int), 1)
    matrix[1, 3] = matrix[1, 2] = 0  # vertex 1 leads nowhere
    given = matrix.copy()
    spec = compat.ModelSpec(matrix, ["input", CONV1, CONV3, "output"], data_format="channels_last")
    assert spec.matrix.tolist() == [[0, 1, 1], [0, 0, 1], [0, 0, 0]] and spec.ops == [
        "input",
        CONV3,
        "output",
    ]
    assert np.array_equal(spec.original_matrix, given) and spec.original_ops == [
        "input",
        CONV1,
        CONV3,
        "output",
    ]
    assert np.array_equal(matrix, given)
    apart = compat.ModelSpec(np.zeros((3, 3)), ["input", CONV3, "output"])
    assert (apart.valid_spec, apart.matrix, apart.ops) == (False, None, None)
    with pytest.raises(compat.OutOfDomainError, match="no path leads"):
        apart.hash_spec(CANONICAL)
    with pytest.raises(UnknownName, match="operation 'maxpool3x3'"):
        compat.ModelSpec([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", POOL, "output"]).hash_spec(
            [CONV1]
        )
    for bad, ops in [
        ([[0, 1], [1, 0]], ["input", "output"]),
        ([[0, 1]], ["input", "output"]),
        ([[0, 1], [0, 0]], ["input", CONV1, "output"]),
        ([[0, 0.5], [0, 0]], ["input", "output"]),
    ]:
        with pytest.raises(InvalidArch, match="adjacency matrix"):
            compat.ModelSpec(bad, ops)


def test_a_query_is_one_run_of_the_table(ecnas, cell):
    data = ecnas.query(cell)
    assert set(data) == {
        "module_adjacency",
        "module_operations",
        "trainable_parameters",
        "training_time",
    } | {f"{split}_accuracy" for split in ("train", "validation", "test")}
    arch = ecnas.oracle.info.space.from_spec(cell.matrix, cell.ops)
    runs = [
        ecnas.oracle.query(arch, dataset="cifar10", epochs=108, seed=f"run{run}").values
        for run in (1, 2, 3)
    ]
    drawn = [ecnas.query(cell) for _ in range(30)]
    assert {each["validation_accuracy"] for each in drawn} == {
        run["valid_accuracy"] for run in runs
    }
    assert {(each["test_accuracy"], each["training_time"]) for each in drawn} == {
        (run["test_accuracy"], run["cost_s"]) for run in runs
    }
    assert data["trainable_parameters"] == runs[0]["params"]
    again = compat.ModelSpec(data["module_adjacency"], data["module_operations"])
    assert again.hash_spec(CANONICAL) == cell.hash_spec(CANONICAL)


def test_half_way_through_a_training(tmp_path, monkeypatch, cell):
    """A table with the columns of the full one, of one cell."""
    space = INFO.space
    arch = space.from_spec(cell.matrix, cell.ops)
    values = {"valid_accuracy": 0.9, "test_accuracy": 0.8, "train_accuracy": 1.0, "cost_s": 100.0}
    values |= {f"halfway_{name}": value / 2 for name, value in values.items()}
    write_table(
        tmp_path / "one.arrow",
        {f"cifar10/108/run1/{name}": np.array([value]) for name, value in values.items()},
        {},
    )
    oracle = TableOracle(
        INFO, Table(tmp_path / "one.arrow"), row=[arch].index, archs=lambda: [arch]
    )
    monkeypatch.setattr("nasrepro.oracles.compat.nasbench.load_oracle", lambda name: oracle)
    api = compat.NASBench()
    data = api.query(cell, stop_halfway=True)
    assert [data[f"{name}_accuracy"] for name in ("validation", "test", "train")] == [
        0.45,
        0.4,
        0.5,
    ]
    assert data["training_time"] == 50 and api.get_budget_counters() == (50, 54)
    assert api.query(cell)["validation_accuracy"] == 0.9 and api.get_budget_counters() == (150, 162)
    if HASHES.path.exists():
        ((run,),) = api.get_metrics_from_spec(cell)[1].values()
        assert len(run) == 8 and (run["halfway_test_accuracy"], run["final_training_time"]) == (
            0.4,
            100,
        )


@pytest.mark.usefixtures("global_generators_untouched")
def test_runs_are_drawn_by_a_generator_of_the_objects_own(real, cell):
    """`nasbench` seeds Python's global generator."""
    real("ecnas_4v")

    def drawn(seed):
        api = compat.ecnas_4v.NASBench("file", seed)
        return [api.query(cell)["validation_accuracy"] for _ in range(30)]

    assert drawn(0) == drawn(0) != drawn(1)


def test_budget_counters(ecnas, cell):
    assert ecnas.get_budget_counters() == (0, 0)
    spent = [ecnas.query(cell, epochs=epochs)["training_time"] for epochs in (4, np.int64(36), 108)]
    assert ecnas.get_budget_counters() == (pytest.approx(sum(spent)), 148)
    ecnas.is_valid(cell)
    with pytest.raises(NotTabulated, match="no halfway_training time"):
        ecnas.query(cell, stop_halfway=True)
    with pytest.raises(
        NotTabulated, match=r"no trainings of 12.5 epochs; accepted: \[4, 12, 36, 108\]"
    ):
        ecnas.query(cell, epochs=12.5)
    assert ecnas.get_budget_counters() == (pytest.approx(sum(spent)), 148)
    ecnas.reset_budget_counters()
    assert ecnas.get_budget_counters() == (0, 0)
    assert ecnas.valid_epochs == {4, 12, 36, 108}


def test_what_is_outside_is_out_of_domain(ecnas):
    """`nasbench` raises a TypeError for too many vertices or edges."""
    full = np.triu(np.ones((7, 7), dtype=int), 1)
    chain = np.eye(9, k=1, dtype=int)
    for matrix, ops, why in [
        (full, ["input", *[CONV3] * 5, "output"], "21 edges"),
        (chain, ["input", *[CONV3] * 7, "output"], "9 vertices"),
        (np.zeros((2, 2)), ["input", "output"], "no path"),
        ([[0, 1], [0, 0]], ["output", "input"], "must begin with"),
        ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "conv5x5", "output"], "conv5x5"),
        (INCEPTION, INCEPTION_OPS, "not among the 91 cells"),
    ]:
        spec = compat.ModelSpec(matrix, ops)
        assert not ecnas.is_valid(spec)
        with pytest.raises(compat.OutOfDomainError, match=why):
            ecnas.query(spec)
    assert (
        issubclass(compat.OutOfDomainError, InvalidArch)
        and compat.ecnas_4v.OutOfDomainError is compat.OutOfDomainError
    )
    with pytest.raises(UnknownName, match="NAS-Bench-101"):
        compat.NASBench(oracle="digits201")


def test_hashes_and_metrics_of_a_cell(ecnas, cell):
    hashes = list(ecnas.hash_iterator())
    assert len(set(hashes)) == 91 and cell.hash_spec(CANONICAL) in hashes
    if not HASHES.path.exists():
        with pytest.raises(DataMissing, match="nasrepro data fetch nasbench101_slice"):
            ecnas.get_metrics_from_hash(hashes[0])
        pytest.skip("the module hashes of all cells have not been computed here")
    fixed, computed = ecnas.get_metrics_from_spec(cell)
    assert set(fixed) == {"module_adjacency", "module_operations", "trainable_parameters"}
    assert {epochs: len(runs) for epochs, runs in computed.items()} == {4: 3, 12: 3, 36: 3, 108: 3}
    assert set(computed[108][0]) == {
        f"final_{n}"
        for n in ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")
    }
    with pytest.raises(NotTabulated, match="halfway_test_accuracy"):
        computed[108][0]["halfway_test_accuracy"]
    assert ecnas.query(cell)["test_accuracy"] in [
        each["final_test_accuracy"] for each in computed[108]
    ]
    for bad in ("0" * 32, "28cfc7874f6d200472e1a9dcd8650aa0", "bogus"):
        with pytest.raises(compat.OutOfDomainError):
            ecnas.get_metrics_from_hash(bad)


def test_the_full_table_is_asked_for_by_default():
    try:
        assert compat.NASBench("nasbench_full.tfrecord").oracle.name == "nasbench101"
    except DataMissing as error:
        assert "nasrepro data fetch nasbench101" in str(error)


# -- no value with test images in it, and no default, in silence
# ---------------------------------------------
def test_a_script_that_falls_back_to_test_images_is_told(tss):
    info = tss.get_more_info(6111, "cifar100", hp="200", is_random=777)
    for fall_back in (
        lambda: info["valid-accuracy"] if "valid-accuracy" in info else info["valtest-accuracy"],
        lambda: info.get("valid-accuracy", info.get("valtest-accuracy", 0)),
        lambda: info.get("valid-accuracy", 0),
        lambda: info.pop("valid-accuracy", 0),
        lambda: info.setdefault("valid-accuracy", 0),
        lambda: info.get("train-loss"),
        lambda: info.get("T-valid@total", 0),
    ):
        with pytest.raises(NotTabulated):
            fall_back()
    with pytest.raises(NotTabulated, match="has test images in it"):
        info["valtest-accuracy"]
    assert info["valid-and-test-accuracy"] > 70
    assert info.get("no such key", 1) == 1  # what no official answer has is the script's own
    mean = tss.get_more_info(6111, "cifar100", hp="200", is_random=False)
    assert mean.get("valid-accuracy") == mean["valid-accuracy"] and "valtest-accuracy" in mean


def test_errors_are_also_those_that_scripts_catch(tss):
    with pytest.raises(ValueError, match="out of range"):
        tss.get_more_info(100000, "cifar10", hp="200")
    with pytest.raises(KeyError, match="unknown data set"):
        tss.get_more_info(0, "svhn", hp="200")
    with pytest.raises(KeyError) as caught:
        tss.get_more_info(0, "cifar10-valid", hp="200", is_random=777)["test-loss"]
    assert str(caught.value).startswith("nasbench201, architecture 0")  # not in quotes


def test_a_mean_in_place_of_missing_trials_must_be_asked_for(tss):
    with pytest.raises(NotTabulated, match="mean_for_missing=True"):
        tss.get_more_info(0, "cifar10-valid", hp="12")
    always = compat.create(None, "tss", mean_for_missing=True)
    mean = tss.get_more_info(0, "cifar10-valid", hp="12", is_random=False)
    assert always.get_more_info(0, "cifar10-valid", hp="12") == mean


# -- small scripts in the style of published ones
# --------------------------------------------------------------
def test_a_random_search_over_time(tss):
    """As the NATS-algos: simulate_train_eval until the time is spent, then the test accuracy."""
    tss.reset_time()
    best, history = None, []
    while tss.used_time < 3000:
        arch = tss.random()
        accuracy, _, _, total = tss.simulate_train_eval(arch, "cifar10", hp="12")
        history.append(total)
        if best is None or accuracy > best[0]:
            best = accuracy, arch
    test = tss.get_more_info(best[1], "cifar10", hp="200", is_random=False)["test-accuracy"]
    assert len(history) > 10 and history == sorted(history) and 85 < test < 94.4


def test_a_script_of_the_first_version(nasbench201):
    """As the NAS-Bench-201-algos and zero-cost scripts of 2020: positional bools, parsed text."""
    api = compat.nas_201_api_1.NASBench201API("NAS-Bench-201-v1_0-e61699.pth")
    index = api.query_index_by_arch(CELL_284)
    twelve = api.get_more_info(index, "cifar100", None, True, False)
    whole = api.get_more_info(index, "cifar100", None, False, False)
    assert twelve["valid-accuracy"] < whole["valid-accuracy"]
    assert (
        api.get_comput_costs(index, "cifar100")["flops"]
        == api.get_cost_info(index, "cifar100")["flops"]
    )
    lines = api.query_by_arch(CELL_284).split("\n")
    found = {lines[i].split()[0]: float(lines[i].rstrip("%]").rsplit("=", 1)[1]) for i in (7, 9)}
    assert found == {
        name: pytest.approx(
            api.get_more_info(index, name, None, False, False)["test-accuracy"], abs=0.01
        )
        for name in ("cifar100", "ImageNet16-120")
    }
    assert api.find_best("cifar100", "x-test")[0] == 9930
    assert api.find_best("cifar100", "x-test", FLOP_max=50)[1] < 73.5


def test_the_official_text_has_the_same_lines(tss, official_tss):
    def plain(text):
        text = re.sub(r"loss = [\d.na]+", "loss", text)
        return [re.sub(r"(latency=\S+|top1 = nan)", "", line) for line in text.split("\n")]

    ours, theirs = (plain(api.query_info_str_by_arch(0, "200")) for api in (tss, official_tss))
    assert len(ours) == len(theirs) == 10
    for line in (0, 2, 3, 4, 6, 7, 8, 9):
        assert ours[line].split()[0] == theirs[line].split()[0]
    for line in (7, 9):
        assert ours[line].rsplit("=", 1)[1] == theirs[line].rsplit("=", 1)[1]


def test_configurations(tss, sss, official_tss):
    for dataset in DATASETS:
        theirs = official_tss.get_net_config(0, dataset)
        assert tss.get_net_config(0, dataset) == theirs
    assert sss.get_net_config(0, "cifar100")["channels"] == "8:8:8:8:8"
    with pytest.raises(UnknownName):
        tss.get_net_config(0, "svhn")


def test_counts_of_trials(tss):
    assert tss.statistics("cifar10-valid", hp="200") == {3: 8169, 2: 7456}


def test_hw_nas_bench(real_devices):
    real_devices("hwnasbench")
    api = compat.HWNASBenchAPI("HW-NAS-Bench-v1_0.pickle", search_space="nasbench201")
    values = api.query_by_index(0, "cifar10")
    printed = {  # in its README, in this order
        "edgegpu_latency": 5.807418537139893,
        "edgegpu_energy": 24.226614330768584,
        "raspi4_latency": 10.481976820010459,
        "edgetpu_latency": 0.9571811309997429,
        "pixel3_latency": 3.6058499999999998,
        "eyeriss_latency": 3.645620000000001,
        "eyeriss_energy": 0.6872827644999999,
        "fpga_latency": 2.57296,
        "fpga_energy": 18.01072,
    }
    assert list(values.items()) == list(printed.items())
    # its notebook: nine values of the first three cells on three data sets
    asked = [api.query_by_index(i, name) for i in range(3) for name in DATASETS[1:]]
    assert sum(map(len, asked)) == 81
    assert api.get_net_config(0, "cifar10")["arch_str"].startswith("|avg_pool_3x3~0|+")
    with pytest.raises(UnknownName, match="fbnet"):
        compat.HWNASBenchAPI("x", search_space="fbnet")


def test_transnas(real):
    real("transnas101_micro"), real("transnas101_macro")
    api = compat.TransNASBenchAPI("api_home/transnas-bench_v10141024.pth")
    assert api.all_arch_dict["macro"][1] == "64-2311-basic"
    best = api.get_best_archs("class_scene", "valid_top1", "micro", topk=2)
    assert best[0][0] == pytest.approx(54.94, abs=0.005) and best[0][0] >= best[1][0]
    arch = best[0][1]
    final = api.get_single_metric(arch, "class_scene", "valid_top1", mode="final")
    assert final <= api.get_single_metric(arch, "class_scene", "valid_top1", mode="best")
    with pytest.raises(NotTabulated, match="last epoch is not in the tables"):
        api.get_single_metric(arch, "class_scene", "test_top1", mode="final")
    with pytest.raises(UnknownName, match="metric of normal"):
        api.get_single_metric(arch, "normal", "valid_top1")


def test_statistics_of_nasbench_by_hash(real):
    real("ecnas_4v")
    api = compat.ecnas_4v.NASBench()
    assert api.config["available_ops"] == CANONICAL
    spec = compat.ModelSpec([[0, 1], [0, 0]], ["input", "output"])
    key = spec.hash_spec(CANONICAL)
    assert len(api.fixed_statistics) == 91
    if key in set(api.hash_iterator()):
        assert api.fixed_statistics[key]["trainable_parameters"] > 0
        assert set(api.computed_statistics[key]) == {4, 12, 36, 108}
    assert (api.training_time_spent, api.total_epochs_spent) == api.get_budget_counters() == (0, 0)
    assert compat.graph_util.is_full_dag(np.array([[0, 1], [0, 0]]))
    assert compat.graph_util.num_edges(np.array([[0, 1], [0, 0]])) == 1
    is_edge = compat.graph_util.gen_is_edge_fn(0b101)  # edges 0 -> 1 and 1 -> 2
    assert np.fromfunction(is_edge, (3, 3), dtype=int).tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]


def test_a_random_search_of_nasbench(ecnas):
    """As its notebook: matrices of random entries, those that are valid, until a time is spent."""
    rng = np.random.default_rng(0)
    ops = ecnas.config["available_ops"]
    ecnas.reset_budget_counters()
    best = 0.0, 0.0
    while ecnas.get_budget_counters()[0] < 30_000:
        matrix = np.triu(rng.integers(2, size=(4, 4)), 1)
        spec = compat.ModelSpec(matrix, ["input", *rng.choice(ops, 2), "output"])
        if ecnas.is_valid(spec):
            data = ecnas.query(spec)
            best = max(best, (data["validation_accuracy"], data["test_accuracy"]))
    assert 0.9 < best[0] < 0.96 and 0.89 < best[1] < 0.95
    assert ecnas.total_epochs_spent % 108 == 0


def test_an_evolution_over_strings(tss):
    """As naszilla and the zero-cost notebooks: strings cut into edges, one changed at a time."""
    rng = np.random.default_rng(1)

    def mutated(text):
        codes = [*text.replace("+", "").strip("|").replace("||", "|").split("|")]
        edge = rng.integers(len(codes))
        op, source = codes[edge].split("~")
        choices = [o for o in compat.search_space_info("nats-bench", "tss")["op_names"] if o != op]
        codes[edge] = f"{rng.choice(choices)}~{source}"
        rows = codes[:1], codes[1:3], codes[3:]
        return "+".join("|" + "|".join(row) + "|" for row in rows)

    pool = [tss.arch(tss.random()) for _ in range(10)]
    score = {}
    for _ in range(60):
        for text in pool:
            if text not in score:
                info = tss.get_more_info(text, "cifar10-valid", hp="200", is_random=False)
                score[text] = info["valid-accuracy"]
        best = max(pool, key=score.__getitem__)
        pool = [*pool[1:], mutated(best)]
    found = tss.query_index_by_arch(max(score, key=score.__getitem__))
    test = tss.query_meta_info_by_index(found, "200").get_metrics("cifar10", "ori-test")
    assert test["accuracy"] > 93


def test_a_client_of_naslib(tss, real):
    """As its search spaces query: a string, a data set, a metric, the last epoch."""
    data = compat.get_dataset_api("nasbench201", "cifar10")["nb201_data"]
    trained = data[CELL_284]["cifar10-valid"]
    official = tss.get_more_info(284, "cifar10-valid", hp="200", is_random=False)
    assert trained["eval_acc1es"][-1] == official["valid-accuracy"]
    assert trained["train_acc1es"][199] == official["train-accuracy"]
    assert trained["cost_info"]["train_time"] == official["train-all-time"]
    assert trained["cost_info"]["flops"] == pytest.approx(11.7152, abs=1e-4)
    assert len(data) == 15625 and list(data[CELL_284]) == [n for n in DATASETS if n != "cifar10"]
    for ask in (
        lambda: trained["eval_acc1es"][11],
        lambda: trained["eval_acc1es"][:20],
        lambda: trained["eval_losses"],
        lambda: trained["cost_info"]["latency"],
    ):
        with pytest.raises(NotTabulated):
            ask()
    real("ecnas_4v")
    given = compat.get_dataset_api("nasbench101", oracle="ecnas_4v")
    spec = given["api"].ModelSpec([[0, 1], [0, 0]], ["input", "output"])
    assert 0 < given["nb101_data"].query(spec)["validation_accuracy"] < 1
    with pytest.raises(UnknownName, match="authors' surrogates"):
        compat.get_dataset_api("nasbench301", "cifar10")


def test_the_objects_of_the_first_version(nasbench201):
    """`arch2infos_full[i]` and the trials' own fields, as scripts of 2020 read them."""
    api = compat.nas_201_api_1.NASBench201API("x")
    whole, short = api.arch2infos_full[6111], api.arch2infos_less[6111]
    assert (whole.get_total_epoch("cifar100"), short.get_total_epoch()) == (200, 12)
    assert len(api.arch2infos_full) == 15625 and whole.arch_idx_str == "006111"
    costs = [each.get_comput_costs("cifar100")["T-train@total"] for each in (whole, short)]
    assert costs[1] == pytest.approx(costs[0] * 12 / 200)
    best = whole.get_metrics("cifar100", "x-test")["accuracy"]
    assert best == api.get_more_info(6111, "cifar100", None, False, False)["test-accuracy"]
    trial = whole.query("cifar10-valid", 777)
    assert trial.eval_acc1es["x-valid@199"] == trial.get_eval("x-valid")["accuracy"]
    assert trial.train_acc1es == {} and trial.eval_names == ["x-valid"]
    with pytest.raises(NotTabulated, match="no weights"):
        api.get_net_param(6111, "cifar10-valid", 777)
    with pytest.raises(KeyError):
        api.arch2infos_full[15625]


# -- the questions of the official tests
# --------------------------------------------------------------------
def test_questions_of_the_official_tests(tss, sss):
    """What NATS-Bench's own tests ask: the answer, or an error that says why there is none."""
    for index, dataset in ((0, "cifar10-valid"), (11, "cifar100"), (284, "ImageNet16-120")):
        for hp in ("12", "200"):
            info = tss.get_more_info(index, dataset, hp=hp, is_random=False)
            assert 0 < info["valid-accuracy"] < 100 and info["train-all-time"] > 0
            cost = tss.get_cost_info(index, dataset, hp=hp)
            assert cost["flops"] > 0 and cost["params"] > 0 and cost["T-train@total"] > 0
        config = tss.get_net_config(index, dataset)
        assert config["arch_str"] == tss.arch(index)
    for ask, error in (
        (lambda: tss.get_more_info(0, "cifar10"), ProtocolError),  # 12 epochs in silence
        (lambda: tss.get_more_info(0, "cifar10", hp="200", is_random=777), NotTabulated),
        (
            lambda: tss.get_more_info(0, "cifar100", hp="200", is_random=False)["train-loss"],
            KeyError,
        ),
        (lambda: tss.get_more_info(0, "cifar10", iepoch=5, hp="12", is_random=False), NotTabulated),
        (lambda: tss.get_more_info(100000, "cifar10", hp="200"), ValueError),
        (lambda: tss.get_latency(0, "cifar10", hp="200"), NotTabulated),
        (lambda: sss.get_more_info(0, "cifar10-valid", hp="12"), NotTabulated),
        (lambda: sss.get_more_info(0, "cifar10", hp="90"), NotTabulated),
        (lambda: sss.simulate_train_eval(0, "cifar10", hp="90"), NotTabulated),
    ):
        with pytest.raises(error) as caught:
            ask()
        assert "\n" not in str(caught.value) and len(str(caught.value)) > 30
    tss.reload(None, 0)
    tss.clear_params(0, "200")
