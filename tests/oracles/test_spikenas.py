"""SpikeNAS-Bench: numbering, sizes, schedules that are never mixed, and logs by their contents."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest

from nasrepro.oracles.convert.spikenas import read_logs
from nasrepro.oracles.spaces.spikecell import EDGES, SpikeCell, computed
from nasrepro.oracles.spikenas import TABLE
from nasrepro.suite.errors import DataCorrupt, InvalidArch, NotTabulated
from nasrepro.suite.search import Budget, Session

SPACE = SpikeCell()


@pytest.fixture(scope="module")
def oracle(real):
    return real("spikenas")


def test_numbers_have_the_first_edge_least_significant():
    assert EDGES[:3] == ((0, 1), (0, 2), (0, 3))
    assert SPACE.at(1).code == (1, 0, 0, 0, 0, 0) and SPACE.at(5).code == (0, 1, 0, 0, 0, 0)
    assert 2 + 3 * 5 + 4 * 25 + 4 * 3125 == 12617
    assert SPACE.format(SPACE.at(12617)) == "234004"


def test_sizes_by_hand():
    sizes = [SPACE.complexity(SPACE.at(i), classes=10, size=32) for i in (0, 2, 14862)]
    assert [size.params for size in sizes] == [17179620, 17179620 + 738048, 21607908]
    # a 3x3 convolution of 128 channels on 32x32 and one of 256 on 16x16
    assert sizes[1].macs - sizes[0].macs == 9 * 128**2 * 32**2 + 9 * 256**2 * 16**2


def test_disconnected_cells_are_one_class():
    dead = [arch for arch in SPACE if not any(SPACE.live(arch).code)]
    assert len(dead) == 341 and {SPACE.canonical(arch) for arch in dead} == {SPACE.at(0)}


def test_the_stored_classes_are_those_of_the_rule():
    rng = np.random.default_rng(0)
    for arch in (SPACE.sample(rng) for _ in range(40)):
        assert computed(arch) == computed(SPACE.canonical(arch))
    one, other = SPACE.parse("201000"), SPACE.parse("301000")  # another threshold on a dead edge
    assert SPACE.canonical(one) == SPACE.canonical(other)
    assert SPACE.canonical(SPACE.parse("002000")) != SPACE.canonical(SPACE.parse("003000"))


@pytest.mark.parametrize("text", ["", "23400", "2340011", "234005", "a34001"])
def test_other_texts_are_refused(text):
    with pytest.raises(InvalidArch, match="is not 6 digits"):
        SPACE.parse(text)


def test_known_constants(oracle):
    values = oracle.query(SPACE.at(12617), dataset="cifar10", epochs=100).values
    assert values["test_accuracy"] == pytest.approx(0.893)
    curve = [
        oracle.query(SPACE.at(11346), dataset="cifar10", epochs=e).values["valid_accuracy"]
        for e in (1, 2, 100)
    ]
    assert curve == pytest.approx([0.35712, 0.49996, 0.868])
    best, arch = oracle.best("cifar10", 100, "test_accuracy")
    assert (best, SPACE.index(arch)) == (pytest.approx(0.893), 12617)


def test_the_longer_schedule_is_apart(oracle):
    assert len(oracle.space) == 14935 and len(oracle.archs()) == 15625
    with pytest.raises(NotTabulated):
        oracle.query(SPACE.at(3276), dataset="cifar10", epochs=100)
    with pytest.raises(InvalidArch, match="14,935"):
        oracle.space.check(SPACE.at(3276))
    columns = oracle.query_many(dataset="cifar10", epochs=100)
    long = ~np.isnan(columns["test_accuracy_200"])
    assert long.sum() == 690 and np.isnan(columns["test_accuracy"][long]).all()


def test_a_longer_training_pays_the_difference(oracle):
    session = Session(oracle, dataset="cifar10", epochs=100, budget=Budget(queries=3))
    arch = SPACE.at(11346)
    short, whole = session.evaluate(arch, epochs=10), session.evaluate(arch, epochs=100)
    assert short.cost_s == pytest.approx(8230.3 / 10) and whole.cost_s == pytest.approx(
        8230.3 * 0.9
    )


def test_logs_are_found_in_either_archive(tmp_path):
    for name, prefix in (("a.tar.xz", ""), ("b.tar.gz", "SpikeNAS-Bench-9994/")):
        with tarfile.open(tmp_path / name, f"w:{name[-2:]}") as archive:
            for path in ("data/CIFAR10/7/train_process.txt", "data/CIFAR100/8/train_process.txt"):
                entry = tarfile.TarInfo(prefix + path)
                entry.size = 3
                archive.addfile(entry, io.BytesIO(b"log"))
        assert read_logs(tmp_path / name) == {7: b"log"}


def test_other_contents_stop_the_converter(tmp_path):
    from nasrepro.oracles.convert.spikenas import convert

    (tmp_path / "none.tar.xz").write_bytes(b"nothing")
    with pytest.raises(DataCorrupt, match="not a whole archive") as caught:
        convert({"logs": tmp_path / "none.tar.xz"})
    assert "\n" not in str(caught.value), "tarfile says why in several lines"
    assert TABLE.files["logs"].archive.sha256 == ""
