"""The reader of pickles: plain data equals what `pickle` reads, anything else is one line."""

from __future__ import annotations

import bz2
import collections
import pickle
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile

import numpy as np
import pytest

from nasrepro.oracles.convert.pickles import load_bz2, load_pickle, load_pt, load_pth
from nasrepro.suite.errors import DataCorrupt

RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
NDARRAY, DTYPE = b"cnumpy\nndarray\n", b"cnumpy\ndtype\n"


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def raw(value: bytes) -> bytes:
    return b"C" + bytes([len(value)]) + value


def read(tmp_path, data: bytes, **options):
    path = tmp_path / "stranger.pickle"
    path.write_bytes(data)
    return load_pickle(path, **options)


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_is_what_pickle_reads(tmp_path, protocol):
    shared = [1, 2]
    value = {
        "numbers": [0, 255, 256, -1, 2**31, -(2**70), 1.5, float("inf"), True, False, None],
        "texts": ["", "é", "x" * 300, b"\x00\xff"],
        "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, (4,))),
        ("a", 1): shared,
        "again": shared,
        "set": {1, 2},
        "ordered": collections.OrderedDict(a=1),
    }
    again = read(tmp_path, pickle.dumps(value, protocol))
    assert again == value and again["again"] is again["a", 1]


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_and_scalars(tmp_path, protocol, order):
    arrays = [
        np.asarray(np.arange(6).reshape(2, 3), dtype, order=order)
        for dtype in ("f8", "<f4", ">i4", "u1", "b1", "U3", "S2", "c16")
    ]
    value = {"arrays": arrays, "scalars": [np.float64(0.1), np.int32(7), np.bool_(True)]}
    again = read(tmp_path, pickle.dumps(value, protocol))
    for one, other in zip(again["arrays"], arrays, strict=True):
        assert one.dtype == other.dtype and np.array_equal(one, other)
    assert again["scalars"] == value["scalars"]


def test_arrays_of_objects_are_lists(tmp_path):
    value = np.array([["a", 1], ["b", 2]], dtype=object)
    assert read(tmp_path, pickle.dumps(value)) == [["a", 1], ["b", 2]]
    assert read(tmp_path, pickle.dumps(np.asfortranarray(value))) == [["a", 1], ["b", 2]]
    assert read(tmp_path, pickle.dumps(np.array(["a", 1], dtype=object))) == ["a", 1]


CRASHES = {
    "forged pointers": b"("
    + b"c__builtin__\nset\n("
    + NDARRAY
    + b"(K\x01\x85"
    + text("O")
    + raw(b"A" * 8)
    + b"tRtR.",
    "flags of a dtype cleared": DTYPE
    + b"("
    + text("V8")
    + b"K\x00K\x01tR"
    + b"(K\x03"
    + text("|")
    + b"N("
    + text("f")
    + b"t}NJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb.",
    "fields outside an item": DTYPE
    + b"("
    + text("f8")
    + b"K\x00K\x01tR"
    + b"(K\x03"
    + text("<")
    + b"N("
    + text("a")
    + b"t}"
    + text("a")
    + b"K\x01sK\x08K\x01K\x00tb.",
    "a scalar of objects": b"cnumpy.core.multiarray\nscalar\n("
    + DTYPE
    + b"("
    + text("O8")
    + b"K\x00K\x01tR"
    + raw(b"A" * 8)
    + b"tR.",
    "a buffer of objects": b"cnumpy.core.numeric\n_frombuffer\n("
    + raw(b"A" * 8)
    + DTYPE
    + b"("
    + text("O8")
    + b"K\x00K\x01tRK\x01\x85"
    + text("C")
    + b"tR.",
    "an array of forged bytes": RECONSTRUCT
    + b"("
    + NDARRAY
    + b"K\x00\x85"
    + raw(b"b")
    + b"tR"
    + b"(K\x01K\x02\x85"
    + DTYPE
    + b"("
    + text("O8")
    + b"K\x00K\x01tR\x89"
    + raw(b"A" * 16)
    + b"tb.",
    "an array larger than its bytes": RECONSTRUCT
    + b"("
    + NDARRAY
    + b"K\x00\x85"
    + raw(b"b")
    + b"tR(K\x01J\x00\x00\x00\x40\x85"
    + DTYPE
    + b"("
    + text("f8")
    + b"K\x00K\x01tR\x89"
    + raw(b"A" * 8)
    + b"tb.",
    "nested tuples as a key": b"}" + b")" + b"\x85" * 500_000 + b"K\x01s.",
    "shared tuples in a set": b"c__builtin__\nset\n(]K\x01\x85" + b"2\x86" * 40 + b"atR.",
    "names off the list": b"cos\nsystem\n(" + text("true") + b"tR.",
    "a class of the reader's own": b"cnasrepro.suite.errors\nNasreproError\n)R.",
    "a call of data": b"K\x01)R.",
    "a state for a list": b"]}b.",
    "a persistent name": b"K\x01Q.",
    "an extension": b"\x82\x01.",
    "no stop": b"]",
    "nothing": b"",
    "an unfinished text": text("abc")[:-1],
    "a negative length": b"\x8b\xff\xff\xff\xff.",
    "the empty stack": b".",
    "odd pairs": b"}(K\x01u.",
}


@pytest.mark.parametrize("name", CRASHES)
def test_what_crashed_is_one_line(tmp_path, name):
    began = time.process_time()
    with pytest.raises(DataCorrupt) as caught:
        read(tmp_path, CRASHES[name])
    assert "stranger.pickle" in str(caught.value) and "\n" not in str(caught.value)
    assert time.process_time() - began < 5


def test_a_memo_index_takes_no_memory(tmp_path):
    tracemalloc.start()
    assert read(tmp_path, b"Nr\x80\xd1\xf0\x08.") is None  # LONG_BINPUT 150,000,000
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_repeated_copies_are_counted(tmp_path):
    text_of_a_megabyte = b"X" + struct.pack("<I", 2**20) + b"a" * 2**20 + b"q\x000"
    encode = b"c_codecs\nencode\n(h\x00" + text("latin1") + b"tR0"
    with pytest.raises(DataCorrupt, match="more objects"):
        read(tmp_path, text_of_a_megabyte + encode * 1000 + b"N.")


def test_the_command_line_says_it_on_one_line(tmp_path, monkeypatch):
    folder = tmp_path / "NATS-tss-v1_0-3ffb9-simple"
    folder.mkdir()
    (folder / "meta.pickle.pbz2").write_bytes(bz2.compress(CRASHES["forged pointers"]))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path / "cache"))
    shown = subprocess.run(
        [sys.executable, "-m", "nasrepro", "data", "fetch", "natsbench_tss_12"],
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 2, shown
    line = shown.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ") and "meta.pickle.pbz2" in line
    assert "Traceback" not in shown.stderr


def test_bombs(tmp_path):
    path = tmp_path / "bomb.pbz2"
    path.write_bytes(bz2.compress(b"N" * 2**26))
    with pytest.raises(DataCorrupt, match="when unpacked"):
        load_bz2(path)
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", pickle.dumps([0]))
    for load in (load_pt, load_pth):
        with pytest.raises(DataCorrupt, match="compressed"):
            load(tmp_path / "bomb.pt")
