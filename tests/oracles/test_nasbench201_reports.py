"""NAS-Bench-201's cells by NATS-Bench's means, under attack, quantised and on analog hardware."""

from __future__ import annotations

import numpy as np
import pytest

from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.data import SourceFile, fetch_file
from nasrepro.suite.errors import NotTabulated

SPACE = Cell201()


@pytest.mark.parametrize("name", ["nasbench201_nats", "nasbench201_robust", "nasbench201_analog"])
def test_a_search_sees_what_it_sees_on_nasbench201(real, nasbench201, name):
    oracle = real(name)
    for epochs in (12, 200):
        ours, theirs = (
            table.query_many(dataset="cifar10", epochs=epochs) for table in (oracle, nasbench201)
        )
        for metric in ("valid_accuracy", "cost_s", "params", "macs"):
            assert np.array_equal(ours[metric], theirs[metric])


def test_the_two_releases_stand_apart(real, nasbench201):
    nats = real("nasbench201_nats")
    for dataset, changed in (("cifar10", 2416), ("cifar100", 2486), ("ImageNet16-120", 2458)):
        later, published = (
            table.query_many(dataset=dataset, epochs=200)["test_accuracy"]
            for table in (nats, nasbench201)
        )
        assert (abs(later - published) > 1e-5).sum() == changed
        assert later.max() == pytest.approx(published.max(), abs=1e-6)
        assert later.argmax() == published.argmax()
    times = nats.query(SPACE.at(0), dataset="cifar10", epochs=200).values
    assert times["cost_s_50k"] == 2 * times["cost_s"] == pytest.approx(2 * 1444.2186, abs=1e-3)
    assert (
        "another mean" in nats.info.notes[0]
        and "NATS-Bench" in nats.info.metric("test_accuracy").note
    )


def test_under_attack(real):
    oracle = real("nasbench201_robust")
    value, arch = oracle.best("cifar10", 200, "test_accuracy_pgd_1")
    assert (round(value, 4), SPACE.index(arch)) == (0.588, 8865)
    strengths = [0.1, 0.5, 1, 2, 3, 4, 8]
    values = oracle.query(SPACE.at(6111), dataset="cifar10", epochs=200).values
    curve = [values[f"test_accuracy_pgd_{each}"] for each in strengths]
    assert curve == sorted(curve, reverse=True) and curve[2] == pytest.approx(0.415)


def test_analog_hardware(real):
    oracle = real("nasbench201_analog")
    value, arch = oracle.best("cifar10", 200, "test_accuracy_analog_30d")
    assert (round(value, 4), SPACE.index(arch)) == (0.9, 5780)
    skips = SPACE.parse(
        "|skip_connect~0|+|skip_connect~0|skip_connect~1|"
        "+|skip_connect~0|skip_connect~1|skip_connect~2|"
    )
    values = oracle.query(skips, dataset="cifar10", epochs=200).values
    assert values["test_accuracy_analog"] == pytest.approx(0.5749)
    assert "test_accuracy_analog_1min" not in values  # 87 % in the file, which cannot be
    assert values["test_accuracy_analog_1h"] == pytest.approx(0.5379)
    with pytest.raises(NotTabulated):
        oracle.query(skips, dataset="cifar10", epochs=100)


def test_a_package_that_carries_a_file_is_read_where_it_is(tmp_path, monkeypatch):
    """Its metadata says where; the file is checked as any other, and nothing is imported."""
    monkeypatch.setenv("NASREPRO_MIRROR", "")
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path / "data"))
    info = tmp_path / "carrier-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n")
    (tmp_path / "carrier").mkdir()
    path = tmp_path / "carrier" / "table.txt"
    path.write_text("abc")
    monkeypatch.syspath_prepend(tmp_path)
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    file = SourceFile("o/r/c/table.txt", sha256, 3, "MIT", package=("carrier", "carrier/table.txt"))
    assert fetch_file(file) == path
    path.write_text("abd")  # another version of the package: the cache is next
    cached = tmp_path / "data" / "sources" / "o/r/c/table.txt"
    cached.parent.mkdir(parents=True)
    cached.write_text("abc")
    assert fetch_file(file) == cached
    absent = SourceFile("o/r/c/t", sha256, 3, "MIT", package=("no-such-carrier", "t"))
    assert absent.packaged() is None
