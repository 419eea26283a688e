"""Official files.

Beside the official readers on the authors' own sample records, and on files that the tests write.

What the official packages can still do on a current Python, and what not (nats-bench 1.8,
nas-bench-201 2.1, nasbench-pytorch 1.3.1; Python 3.11, torch 2.13, numpy 2.4):

nats-bench         all that is asked of it here.
nas-bench-201      cannot open a file: it calls `torch.load` without `weights_only`, which since
torch 2.6 refuses the numpy numbers in a
                   record. Given the records as a dict it answers, and is compared. It averages
                     sizes over seeds where they differ.
nasbench-pytorch   is no reader. Its graph hash and its network still work and are compared in
test_dag101.py; `ModelSpec.hash_spec`,
                   which is what its users call, raises TypeError: the matrix has become a torch
                       tensor.
"""

from __future__ import annotations

import bz2
import os
import pickle
import sys
from collections import OrderedDict
from functools import cache
from itertools import product

import numpy as np
import pytest

from nasrepro.__main__ import main
from nasrepro.oracles.convert import official, pickles
from nasrepro.oracles.convert.official import PTH, SSS, TRAININGS, TSS
from nasrepro.suite.data import Table, fetch_table, open_table
from nasrepro.suite.errors import DataCorrupt, DataMissing, InvalidArch, NotTabulated
from nasrepro.suite.oracle import MEAN
from nasrepro.suite.registry import oracles
from nasrepro.suite.search import Budget, Session

FAMILIES = {"tss": TSS, "sss": SSS}
NAMES = [
    f"natsbench_{family}_{epochs}"
    for family, benchmark in FAMILIES.items()
    for epochs in benchmark.schedules.values()
]
PTH_NAMES = ["nasbench201_pth_12", "nasbench201_pth_200"]
INDICES = (0, 11)
SEEDS = (111, 777, 888, 999)
EXACT = pytest.approx


def spec_of(name):
    return oracles.get(name).info.table


@pytest.fixture(autouse=True)
def torch_home(tmp_path, monkeypatch):
    """Each test has a home and a cache of its own."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("TORCH_HOME", str(home))
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path / "cache"))
    return home


# -- the authors' own sample records
# ---------------------------------------------------------------------------
@pytest.fixture(scope="module")
def samples(mirror):
    homes = sorted(mirror.glob("D-X-Y/NATS-Bench/*/fake_torch_dir"))
    if not homes:
        pytest.skip("the official sample records are not in NASREPRO_MIRROR")
    return homes[0]


@pytest.fixture(scope="module")
def sampled(samples, tmp_path_factory):
    """The oracles of all schedules over the sample records."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(samples))
        patch.setenv("NASREPRO_DATA", str(tmp_path_factory.mktemp("samples")))
        for name in NAMES:
            fetch_table(spec_of(name))
        return {name: oracles.get(name).load() for name in NAMES}


@pytest.fixture(scope="module")
def readers(samples):
    nats_bench = pytest.importorskip(
        "nats_bench", reason="nats-bench is not installed (extra: official)"
    )
    return {
        family: nats_bench.create(str(samples / each.name), family, fast_mode=True, verbose=False)
        for family, each in FAMILIES.items()
    }


#: The official reader's names of the sets of images that were evaluated.
PARTS = {
    "cifar10-valid": {"train": "train", "valid": "x-valid", "test": "ori-test"},
    "cifar10": {"train": "train", "test": "ori-test"},
    "cifar100": {"train": "train", "valid": "x-valid", "test": "x-test", "valtest": "ori-test"},
    "ImageNet16-120": {
        "train": "train",
        "valid": "x-valid",
        "test": "x-test",
        "valtest": "ori-test",
    },
}


def same(reader, oracle, index, trained, epochs, hp, seed):
    """Number of values that were compared.

    Ours has an accuracy exactly where the official reader has one.
    """
    dataset, stems, ending = TRAININGS[trained]
    theirs = reader.get_more_info(
        index, trained, iepoch=epochs - 1, hp=hp, is_random=False if seed == MEAN else seed
    )
    ours = oracle.query(
        oracle.info.space.at(index), dataset=dataset, epochs=epochs, seed=seed
    ).values
    compared = 0
    for part, stage in PARTS[trained].items():
        stem = stems[stage]
        time = f"cost_s{ending}" if part == "train" else stem.format("eval_s")
        assert (f"{part}-accuracy" in theirs) == (stem.format("accuracy") in ours)
        if f"{part}-accuracy" in theirs:
            expected = (
                theirs[f"{part}-accuracy"] / 100,
                theirs[f"{part}-loss"],
                theirs[f"{part}-all-time"],
                theirs[f"{part}-per-time"],
            )
            found = (
                ours[stem.format("accuracy")],
                ours[stem.format("loss")],
                ours[time],
                ours[time] / epochs,
            )
            assert found == EXACT(expected, rel=1e-12)
            compared += 4
    assert compared == len([key for key in theirs if key != "comment"])
    return compared


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("trained", TRAININGS)
def test_every_number_of_get_more_info(sampled, readers, name, trained):
    _, family, length = name.split("_")
    reader, oracle, hp = readers[family], sampled[name], "01" if length == "1" else length
    last = int(length)
    compared = 0
    seeds = {
        index: reader.query_meta_info_by_index(index, hp).get_dataset_seeds(trained)
        for index in INDICES
    }
    for index, epochs in product(
        INDICES, sorted({1, 2, 7, last // 2, last - 1, last} & set(range(1, last + 1)))
    ):
        there = seeds[index]
        assert set(there) <= set(SEEDS)
        for seed in (MEAN, *there):
            compared += same(reader, oracle, index, trained, epochs, hp, seed)
        dataset, stems, _ = TRAININGS[trained]
        accuracy = stems["train"].format("accuracy")
        for seed in set(SEEDS) - set(there):  # a seed that is not there is not made up
            with pytest.raises(ValueError, match="can not find random seed"):
                reader.get_more_info(index, trained, iepoch=epochs - 1, hp=hp, is_random=seed)
            if seed in oracle.seeds(dataset, epochs):
                assert (
                    accuracy
                    not in oracle.query(
                        oracle.info.space.at(index), dataset=dataset, epochs=epochs, seed=seed
                    ).values
                )
            else:
                with pytest.raises(NotTabulated, match=f"with seed {seed}; accepted: mean"):
                    oracle.query(
                        oracle.info.space.at(index), dataset=dataset, epochs=epochs, seed=seed
                    )
    assert compared >= 2 * 2 * 8


def same_costs(theirs, ours, trained, epochs):
    _, stems, ending = TRAININGS[trained]
    expected = [
        theirs["params"] * 1e6,
        theirs["flops"] * 1e6,
        theirs["latency"],
        theirs["T-train@total"],
        theirs["T-train@epoch"],
    ]
    names = (
        f"recorded_params{ending}",
        f"recorded_macs{ending}",
        f"latency_s{ending}",
        f"cost_s{ending}",
    )
    found = [*(ours[name] for name in names), ours[f"cost_s{ending}"] / epochs]
    for stage in PARTS[trained].values():
        if stage != "train":
            total = ours[stems[stage].format("eval_s")]
            expected += [theirs[f"T-{stage}@total"], theirs[f"T-{stage}@epoch"]]
            found += [total, total / epochs]
    assert found == EXACT(expected, rel=1e-12)
    assert len(expected) == len(theirs)
    assert (ours["params"], ours["macs"]) == (
        round(theirs["params"] * 1e6),
        round(theirs["flops"] * 1e6),
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("trained", TRAININGS)
def test_every_number_of_get_cost_info(sampled, readers, name, trained):
    _, family, length = name.split("_")
    oracle, epochs = sampled[name], int(length)
    for index in INDICES:
        theirs = readers[family].get_cost_info(index, trained, hp="01" if length == "1" else length)
        ours = oracle.query(
            oracle.info.space.at(index), dataset=TRAININGS[trained][0], epochs=epochs
        ).values
        same_costs(theirs, ours, trained, epochs)


def test_a_point_of_the_long_schedule_is_no_short_training(sampled):
    long, short = sampled["natsbench_tss_200"], sampled["natsbench_tss_12"]
    assert long.epochs("cifar10") == tuple(range(1, 201)) and short.epochs("cifar10") == tuple(
        range(1, 13)
    )
    arch = long.info.space.at(11)
    inside, whole = (
        each.query(arch, dataset="cifar10", epochs=12, seed=777).values for each in (long, short)
    )
    assert (
        whole["valid_accuracy"] - inside["valid_accuracy"] > 0.05
    )  # its learning rate has come down
    assert whole["cost_s"] == EXACT(inside["cost_s"])
    for name, oracle in sampled.items():
        assert oracle.info.resumable and name.rpartition("_")[2] in oracle.info.notes[0]


@pytest.mark.parametrize("name", NAMES)
def test_no_split_stands_for_another(sampled, name):
    """What peers mix up.

    Test read as validation, validation and test images together as test, the two CIFAR-10
    trainings.
    """
    oracle, last = sampled[name], int(name.rpartition("_")[2])
    for index, dataset in product(INDICES, ("cifar10", "cifar100", "ImageNet16-120")):
        found = oracle.query(
            oracle.info.space.at(index),
            dataset=dataset,
            epochs=last,
            seed=oracle.seeds(dataset, last)[0],
        ).values
        names = [
            "valid_accuracy",
            "test_accuracy",
            "test_accuracy_25k" if dataset == "cifar10" else "valid_test_accuracy",
        ]
        valid, test, third = (found[each] for each in names)
        assert len({valid, test, third}) == 3
        if dataset != "cifar10":
            assert third == EXACT((valid + test) / 2, abs=1e-9)
    assert all(metric.split == "test" for metric in oracle.info.metrics if "test" in metric.name)


def test_sizes_do_not_depend_on_the_schedule(sampled):
    for family, benchmark in FAMILIES.items():
        of = [
            [
                sampled[f"natsbench_{family}_{epochs}"]
                .query_many(dataset="cifar10", epochs=1)[size]
                .tolist()
                for size in ("params", "macs")
            ]
            for epochs in benchmark.schedules.values()
        ]
        assert all(each == of[0] for each in of)


def test_the_simulated_cost_of_a_search_is_the_official_one(sampled, readers):
    """nats-bench adds the time of one validation to the training time; we book the training."""
    theirs = readers["tss"]
    info = theirs.get_more_info(0, "cifar10-valid", hp="12", is_random=777)
    theirs.reset_time()
    _, latency, cost, used = theirs.simulate_train_eval(0, "cifar10", hp="12")
    ours = (
        sampled["natsbench_tss_12"]
        .query(TSS.space.at(0), dataset="cifar10", epochs=12, seed=777)
        .values
    )
    assert (
        cost
        == used
        == EXACT(ours["cost_s"] + ours["valid_eval_s"] / 12)
        == EXACT(info["train-all-time"] + info["valid-per-time"])
    )
    assert latency == EXACT(ours["latency_s"])


def test_going_on_with_a_training_pays_the_difference(sampled):
    oracle = sampled["natsbench_tss_200"]
    session = Session(oracle, dataset="cifar10", epochs=200, budget=Budget(seconds=1e5))
    arch = session.space.sample(np.random.default_rng(0))
    costs = [session.evaluate(arch, epochs=epochs).cost_s for epochs in (12, 50, 200)]
    assert sum(costs) == EXACT(oracle.query(arch, dataset="cifar10", epochs=200).values["cost_s"])
    assert costs == EXACT([cost * sum(costs) / 200 for cost in (12, 38, 150)])


@pytest.mark.parametrize("name", NAMES)
def test_searches_stay_inside_what_the_folder_has(sampled, name):
    oracle = sampled[name]
    assert [oracle.info.space.index(arch) for arch in oracle.archs()] == list(INDICES)
    assert len(oracle.space) == 2 and {
        oracle.space.sample(np.random.default_rng(i)) for i in range(20)
    } == set(oracle.archs())
    away = oracle.info.space.at(5)
    with pytest.raises(InvalidArch, match="is not among the 2 architectures"):
        oracle.space.check(away)
    with pytest.raises(
        NotTabulated,
        match=f"{name}: .* is not among the 2 architectures that the official files had",
    ):
        oracle.query(away, dataset="cifar10", epochs=1)


@pytest.fixture(scope="module")
def extracts(real):
    return {"natsbench_tss_200": real("nasbench201"), "natsbench_sss_90": real("natsbench_size")}


def test_the_extracts_say_the_same(sampled, extracts):
    for name, extract in extracts.items():
        oracle, epochs = sampled[name], int(name.rpartition("_")[2])
        for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
            mine, theirs = (
                each.query_many(oracle.archs(), dataset=dataset, epochs=epochs)
                for each in (oracle, extract)
            )
            for metric in set(mine) & set(theirs):
                assert mine[metric] == EXACT(theirs[metric], rel=2e-6), (name, dataset, metric)


# -- files that the tests write
# --------------------------------------------------------------------------------
@cache
def strings(benchmark):
    return [benchmark.space.format(arch) for arch in benchmark.space]


def result(trained, seed, epochs, seconds=None):
    """One training in the layout of the official records, with numbers that name their place."""
    rng = np.random.default_rng([len(trained), seed, epochs])
    stages = [
        f"{stage}@{i}" for stage in TRAININGS[trained][1] if stage != "train" for i in range(epochs)
    ]
    times = [2.5] * epochs if seconds is None else seconds
    return {
        "name": trained,
        "train_acc1es": {i: 100 * rng.random() for i in range(epochs)},
        "train_acc5es": dict.fromkeys(range(epochs), 100.0),
        "train_losses": {i: rng.random() for i in range(epochs)},
        "train_times": OrderedDict(enumerate(times)),
        "arch_config": {"name": "infer.tiny"},
        "params": np.float64(0.1),
        "flop": 12.5,
        "seed": f"{seed:04d}",
        "epochs": epochs,
        "latency": [np.float64(0.01)],
        "eval_names": sorted({stage.split("@")[0] for stage in stages}),
        "eval_acc1es": {stage: 100 * rng.random() for stage in stages},
        "eval_times": dict.fromkeys(stages, 0.5),
        "eval_losses": {stage: rng.random() for stage in stages},
        "net_state_dict": None,
    }


def schedule(benchmark, index, epochs, seeds=(777,)):
    return {
        "arch_index": index,
        "arch_str": strings(benchmark)[index],
        "all_results": {
            (trained, seed): result(trained, seed, epochs)
            for trained in TRAININGS
            for seed in seeds
        },
        "dataset_seed": {trained: list(seeds) for trained in TRAININGS},
        "clear_net_done": True,
    }


def record(benchmark, index, **arguments):
    """One with both schedules, the long one left short: no test here reads it."""
    return OrderedDict(
        (key, schedule(benchmark, index, min(epochs, 12), **arguments))
        for key, epochs in benchmark.schedules.items()
    )


def write(folder, name, value):
    (folder / name).write_bytes(bz2.compress(pickle.dumps(value, 4)))


@cache
def whole_folder():
    meta = {
        "meta_archs": strings(TSS),
        "total_archs": 15625,
        "arch2infos": None,
        "evaluated_indexes": set(),
    }
    records = {"meta": meta, **{f"{index:06d}": record(TSS, index) for index in (3, 5, 8)}}
    return {
        f"{name}.pickle.pbz2": bz2.compress(pickle.dumps(value, 4))
        for name, value in records.items()
    }


@pytest.fixture
def folder(torch_home):
    """A folder with three records."""
    folder = torch_home / TSS.name
    folder.mkdir()
    for name, content in whole_folder().items():
        (folder / name).write_bytes(content)
    return folder


NAME = "natsbench_tss_12"
RECORD = "000005.pickle.pbz2"


def everything_in(folder):
    return (
        {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        if folder.exists()
        else {}
    )


def test_a_folder_is_converted_once_and_again_when_it_has_grown(folder, torch_home, tmp_path):
    spec, steps = spec_of(NAME), []
    with pytest.raises(
        DataMissing, match=f"table of {NAME} is not in .*; get it with: nasrepro data fetch {NAME}"
    ):
        open_table(spec)
    first = fetch_table(spec, lambda *step: steps.append(step))
    assert steps == [(3, 3, "records")]
    made = first.stat().st_mtime_ns
    assert fetch_table(spec) == spec.path == first and first.stat().st_mtime_ns == made
    assert open_table(spec).column("index").tolist() == [3, 5, 8]
    assert open_table(spec).meta["sources"]["official"]["name"] == TSS.name
    write(
        folder, "9.pickle.pbz2", record(TSS, 9)
    )  # the official reader takes this form of the name too
    with pytest.raises(DataMissing, match="nasrepro data fetch"):
        open_table(spec)
    second = fetch_table(spec)
    assert second != first and open_table(spec).column("index").tolist() == [3, 5, 8, 9]
    folder.rename(tmp_path / "elsewhere")  # once converted, the originals may go
    assert (
        spec.path == second
        and fetch_table(spec) == second
        and len(oracles.get(NAME).load().archs()) == 4
    )


def test_records_are_read_by_several_processes(folder, monkeypatch):
    one = Table(fetch_table(spec_of(NAME))).sha256
    fetch_table(spec_of(NAME)).unlink()
    monkeypatch.setattr(official, "CHUNK", 2)
    steps = []
    assert Table(fetch_table(spec_of(NAME), lambda *step: steps.append(step))).sha256 == one
    assert steps == [(2, 3, "records"), (3, 3, "records")]


def test_values_are_in_the_columns_of_their_place(folder):
    fetch_table(spec_of(NAME))
    oracle = oracles.get(NAME).load()
    for trained, (dataset, stems, ending) in TRAININGS.items():
        expected = result(trained, 777, 12)
        for epochs in (1, 12):
            ours = oracle.query(TSS.space.at(5), dataset=dataset, epochs=epochs, seed=777).values
            assert (
                ours[stems["train"].format("accuracy")]
                == expected["train_acc1es"][epochs - 1] / 100
            )
            assert ours[f"cost_s{ending}"] == 2.5 * epochs
            for stage in stems.keys() - {"train"}:
                assert (
                    ours[stems[stage].format("accuracy")]
                    == expected["eval_acc1es"][f"{stage}@{epochs - 1}"] / 100
                )
                assert (
                    ours[stems[stage].format("loss")]
                    == expected["eval_losses"][f"{stage}@{epochs - 1}"]
                )
                assert ours[stems[stage].format("eval_s")] == 0.5 * epochs


def test_times_that_change_from_epoch_to_epoch_are_added_up(folder):
    changed = record(TSS, 5)
    seconds = [float(i) for i in range(1, 13)]
    changed["12"]["all_results"]["cifar100", 777] = result("cifar100", 777, 12, seconds)
    changed["12"]["all_results"]["ImageNet16-120", 777]["train_times"] = None
    write(folder, RECORD, changed)
    fetch_table(spec_of(NAME))
    oracle = oracles.get(NAME).load()
    for epochs in (1, 4, 12):
        costs = oracle.query_many(dataset="cifar100", epochs=epochs, seed=777)["cost_s"]
        assert costs.tolist() == [2.5 * epochs, sum(seconds[:epochs]), 2.5 * epochs]
        assert (
            "cost_s"
            not in oracle.query(TSS.space.at(5), dataset="ImageNet16-120", epochs=epochs).values
        )


def test_what_seeds_disagree_on_or_lack(folder):
    changed = record(TSS, 5, seeds=(777, 888))
    results = changed["12"]["all_results"]
    results["cifar10", 777]["params"], results["cifar10", 888]["params"] = (
        0.4,
        0.3,
    )  # the official reader takes that of 888
    results["cifar100", 777]["latency"], results["cifar100", 888]["latency"] = None, [0.02, 0.04]
    results["cifar10", 888]["train_acc1es"][11] = 100.00000305  # a sum of batches
    write(folder, RECORD, changed)
    fetch_table(spec_of(NAME))
    oracle = oracles.get(NAME).load()
    arch = TSS.space.at(5)
    values = oracle.query(arch, dataset="cifar10", epochs=12, seed=888).values
    assert values["recorded_params_50k"] == EXACT(0.3e6) and values["recorded_params"] == EXACT(
        0.1e6
    )
    assert values["train_accuracy"] == 1
    assert oracle.query(arch, dataset="cifar100", epochs=12).values["latency_s"] == EXACT(0.03)
    with pytest.raises(
        NotTabulated, match="no cifar10 training of 12 epochs with seed 888; it has: 777"
    ):
        oracle.query(TSS.space.at(3), dataset="cifar10", epochs=12, seed=888)
    both = [
        oracle.query(arch, dataset="cifar10", epochs=3, seed=seed).values["valid_loss"]
        for seed in (777, 888, MEAN)
    ]
    assert both[2] == EXACT(np.mean(both[:2])) and both[0] != both[1]


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def damaged(kind, trace):
    """Bytes of a bad record, and what is said of it."""
    good = record(TSS, 5)
    raw = pickle.dumps(good, 4)
    whole = bz2.compress(raw)
    if kind == "truncated":
        return whole[:-200], r"is not a whole record \(cut short\); get it again"
    if kind == "empty":
        return b"", r"is not a whole record \(cut short\)"
    if kind == "not bz2":
        return raw, "is not a bz2 file"
    if kind == "flipped":
        return whole[:500] + bytes([whole[500] ^ 255]) + whole[501:], "is not a (bz2 file|whole)"
    if kind == "truncated inside":
        return bz2.compress(raw[:-50]), "is not a whole pickle .*get it again"
    if kind == "forbidden":
        return bz2.compress(
            pickle.dumps({"12": Calls(os.system, f"touch '{trace}'")})
        ), r"names \w+\.system, which the allow-list"
    if kind == "object scalar":
        scalar = np.float64(1).__reduce__()[0]
        return bz2.compress(
            pickle.dumps({"12": Calls(scalar, np.dtype(object), b"12345678")})
        ), "scalar of .* that is no plain number"
    if kind == "another architecture":
        return bz2.compress(pickle.dumps(record(TSS, 8))), "architecture is .*expected"
    if kind == "no such schedule":
        return bz2.compress(
            pickle.dumps({"90": good["12"]})
        ), "not a record of this benchmark .KeyError: '12'; damaged, or another version"
    if kind == "no dict":
        return bz2.compress(pickle.dumps([1, 2, 3])), "not a record of this benchmark .TypeError"
    if kind == "another length":
        good["12"] = schedule(TSS, 5, 7)
        return bz2.compress(
            pickle.dumps(good)
        ), "epochs of the cifar10-valid training with seed 777 is 7 in the originals, expected 12"
    if kind == "text":
        good["12"]["all_results"]["cifar10", 777]["train_losses"][3] = "much"
        return bz2.compress(
            pickle.dumps(good)
        ), "not a record of this benchmark .ValueError: could not convert"
    raise KeyError(kind)


KINDS = [
    "truncated",
    "empty",
    "not bz2",
    "flipped",
    "truncated inside",
    "forbidden",
    "object scalar",
    "another architecture",
]
KINDS += ["no such schedule", "no dict", "another length", "text"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_record_is_one_clear_line_and_the_cache_stays(folder, tmp_path, kind):
    trace = tmp_path / "was run"
    fetch_table(spec_of(NAME))
    before = everything_in(tmp_path / "cache")
    content, message = damaged(kind, trace)
    (folder / RECORD).write_bytes(content)
    (folder / "note.txt").write_text("so that the folder is another one")
    with pytest.raises(DataCorrupt, match=message) as caught:
        fetch_table(spec_of(NAME))
    assert RECORD in str(caught.value) and "\n" not in str(caught.value)
    assert everything_in(tmp_path / "cache") == before and not trace.exists()


def test_a_record_that_unpacks_to_too_much_is_refused(folder, monkeypatch):
    monkeypatch.setattr(pickles, "_LARGEST", 10_000)
    with pytest.raises(DataCorrupt, match="over 10,000 bytes when unpacked"):
        fetch_table(spec_of(NAME))


@pytest.mark.parametrize("meta", [{"meta_archs": ["x"]}, {}, [1]])
def test_a_list_of_architectures_of_another_version_is_refused(folder, meta):
    write(folder, "meta.pickle.pbz2", meta)
    with pytest.raises(
        DataCorrupt,
        match=rf"meta\.pickle\.pbz2 does not list the architectures of {TSS.name} in their order",
    ):
        fetch_table(spec_of(NAME))


def test_a_folder_without_records(folder):
    for path in folder.glob("0*"):
        path.unlink()
    with pytest.raises(DataCorrupt, match="has no records"):
        fetch_table(spec_of(NAME))


@pytest.mark.parametrize(
    ("name", "file", "other"),
    [
        ("natsbench_tss_200", TSS.name, "NATS-tss-v1_0-3ffb9.pickle.pbz2"),
        ("natsbench_sss_90", SSS.name, "NATS-sss-v0_9-12345-simple"),
        ("nasbench201_pth_12", PTH.name, "NAS-Bench-201-v1_0-e61699.pth"),
    ],
)
def test_who_has_no_files_is_told_where_they_are_looked_for(
    name, file, other, torch_home, monkeypatch, capsys
):
    with pytest.raises(
        DataMissing,
        match=rf"{file} \(.*\) is not in {torch_home} or .*/cache; .*not downloaded.* set "
        r"TORCH_HOME",
    ):
        oracles.get(name).load()
    (torch_home / other).write_text("")
    with pytest.raises(DataMissing, match=f"{other}, which is there, is another version or form"):
        fetch_table(spec_of(name))
    monkeypatch.setattr(sys, "argv", ["nasrepro", "data", "info", name])
    with pytest.raises(SystemExit) as end:
        main()
    shown = capsys.readouterr().out
    assert not end.value.code and f"no; {file}" in shown and str(torch_home) in shown


def test_without_torch_home_it_is_the_official_default(tmp_path, monkeypatch):
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FAKE_TORCH_HOME", "/nowhere")  # the official tests' own
    with pytest.raises(DataMissing, match=f"is not in {tmp_path}/.torch or"):
        official.find(TSS)


# -- the one file of NAS-Bench-201
# -----------------------------------------------------------------------------
@cache
def release():
    """What the file of NAS-Bench-201 holds, of three architectures.

    The tests of the oracles read both schedules.
    """
    infos = {}
    for index in (8, 3, 5):
        long, short = schedule(PTH, index, 200, (777, 888)), schedule(PTH, index, 12)
        for (trained, _), each in long["all_results"].items():
            if trained in (
                "cifar100",
                "ImageNet16-120",
            ):  # as in the official records: evaluated after the last epoch alone
                for stage, i in product(("x-valid", "x-test"), range(199)):
                    del each["eval_acc1es"][f"{stage}@{i}"], each["eval_losses"][f"{stage}@{i}"]
        infos[index] = {"less": short, "full": long}
    return {"meta_archs": strings(PTH), "arch2infos": infos, "evaluated_indexes": {3, 5, 8}}


@pytest.fixture
def pth(torch_home):
    """A way to save it.

    In the zip form of today's `torch.save`, or in that of the time of the release.
    """
    torch = pytest.importorskip("torch")

    def save(whole, zipped=False):
        torch.save(whole, torch_home / PTH.name, _use_new_zipfile_serialization=zipped)
        return torch_home / PTH.name

    return save


@pytest.mark.parametrize("zipped", [False, True])
def test_the_pth_file_says_what_the_official_reader_says(pth, zipped):
    api = pytest.importorskip(
        "nas_201_api", reason="nas-bench-201 is not installed (extra: official)"
    )
    path = pth(release(), zipped)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        api.NASBench201API(str(path), verbose=False)
    reader = api.NASBench201API(release(), verbose=False)
    for name, key in zip(PTH_NAMES, ("12", "200"), strict=True):
        fetch_table(spec_of(name))
        oracle, last = oracles.get(name).load(), int(key)
        assert [oracle.info.space.index(arch) for arch in oracle.archs()] == [3, 5, 8]
        for trained, epochs, index in product(TRAININGS, {1, last // 2, last}, (3, 8)):
            for seed in (MEAN, *((777, 888) if key == "200" else (777,))):
                assert same(reader, oracle, index, trained, epochs, key, seed) >= 8
        values = oracle.query(oracle.archs()[0], dataset="cifar10", epochs=last).values
        theirs = reader.get_cost_info(3, "cifar10-valid", key)
        assert values["recorded_params"] == EXACT(theirs["params"] * 1e6) and values[
            "recorded_macs"
        ] == EXACT(theirs["flops"] * 1e6)
        assert values["cost_s"] == EXACT(theirs["T-train@total"]) and values["latency_s"] == EXACT(
            theirs["latency"]
        )


def test_the_folder_and_the_file_give_one_table(pth, folder):
    """The same records in the two forms: the same columns, value by value."""
    infos = {index: {"less": schedule(TSS, index, 12), "full": None} for index in (3, 5, 8)}
    pth({"meta_archs": strings(PTH), "arch2infos": infos, "evaluated_indexes": [3, 5, 8]})
    one, other = (Table(fetch_table(spec_of(name))) for name in (NAME, "nasbench201_pth_12"))
    assert one.sha256 == other.sha256


@pytest.mark.parametrize("zipped", [False, True])
def test_weights_in_the_pth_file_are_not_loaded(pth, zipped):
    import torch

    one = schedule(PTH, 3, 12)
    one["all_results"]["cifar10", 777]["net_state_dict"] = OrderedDict(weight=torch.ones(2, 3))
    path = pth(
        {"meta_archs": strings(PTH), "arch2infos": {3: {"less": one}}, "evaluated_indexes": [3]},
        zipped,
    )
    fetch_table(spec_of("nasbench201_pth_12"))
    found = pickles.load_pth(path)["arch2infos"][3]["less"]["all_results"]["cifar10", 777][
        "net_state_dict"
    ]["weight"]
    assert isinstance(found, pickles.Recorded)
    if zipped:
        with pytest.raises(DataCorrupt, match=r"names torch\._utils\.\w+, which the allow-list"):
            pickles.load_pt(path)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_bad_pth_file_is_one_clear_line(pth, zipped, torch_home, tmp_path):
    trace = tmp_path / "was run"
    path = pth(
        {"meta_archs": strings(PTH), "arch2infos": {3: Calls(os.system, f"touch '{trace}'")}},
        zipped,
    )
    whole = path.read_bytes()

    def refused(message):
        with pytest.raises(DataCorrupt, match=message) as caught:
            fetch_table(spec_of("nasbench201_pth_12"))
        assert PTH.name in str(caught.value) and "\n" not in str(caught.value)

    refused(r"names \w+\.system, which the allow-list")
    path.write_bytes(whole[: len(whole) // 2])
    refused("is not a (whole|file)|which the allow-list")
    path.write_bytes(pickle.dumps({"a": 1}))
    refused("is not a (whole|file)")
    path.write_bytes(
        pickle.dumps(1) + pickle.dumps(1001) + pickle.dumps({}) + pickle.dumps(release())
    )
    refused("is not a file that torch.save wrote")
    for infos in (None, {}):
        pth({"meta_archs": strings(PTH), "arch2infos": infos}, zipped)
        refused("has no records")
    pth({"meta_archs": strings(PTH)[::-1], "arch2infos": {3: {}}}, zipped)
    refused("does not list the architectures of NAS-Bench-201-v1_1-096897.pth in their order")
    pth({"meta_archs": strings(PTH), "arch2infos": {3: {"full": {}}}}, zipped)
    refused("record 3, is not a record of this benchmark .KeyError: 'less'")
    assert everything_in(tmp_path / "cache") == {} and not trace.exists()


# -- the fork of nasbench
# --------------------------------------------------------------------------------------
def test_hash_spec_of_nasbench_pytorch_raises_and_ours_does_not():
    """Its cure, or its end, is worth knowing of.

    Then it can be compared like its graph hash in test_dag101.py.
    """
    model = pytest.importorskip(
        "nasbench_pytorch.model", reason="nasbench-pytorch is not installed (extra: official)"
    )
    from nasrepro.oracles.spaces.dag101 import Dag101
    from nasrepro.oracles.spaces.graph101 import OPS

    matrix = np.eye(3, k=1, dtype=int)
    ops = ["input", OPS[0], "output"]
    with pytest.raises(TypeError, match="axis"):
        model.ModelSpec(matrix, ops).hash_spec(list(OPS))
    space = Dag101()
    graph_util = pytest.importorskip("nasbench_pytorch.model.graph_util")
    assert space.module_hash(space.from_spec(matrix, ops)) == graph_util.hash_module(
        matrix, [-1, 0, -2]
    )
