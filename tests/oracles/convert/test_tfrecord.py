"""TFRecord files without TensorFlow: framing, checksums, protocol buffers, damage."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records101 import EC, crc32c, doubles, masked, training, write_records

from nasrepro.oracles.convert.tfrecord import fields, masked_crc32c, read_records, read_trainings
from nasrepro.suite.errors import DataCorrupt


# -- checksums
# -----------------------------------------------------------------------------------------------
def test_published_checksums():
    vectors = {
        b"123456789": 0xE3069283,
        bytes(32): 0x8A9136AA,
        b"\xff" * 32: 0x62A8AB43,
        bytes(range(32)): 0x46DD794E,
    }
    for data, expected in vectors.items():
        assert crc32c(data) == expected
        assert masked_crc32c([data]).tolist() == [masked(data)]
    assert masked_crc32c([]).tolist() == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=8))
def test_checksums_of_many_records_are_those_of_each(records):
    assert masked_crc32c(records).tolist() == [masked(record) for record in records]


# -- framing
# -------------------------------------------------------------------------------------------------
@settings(max_examples=50, deadline=None)
@given(
    records=st.lists(st.binary(max_size=60), max_size=12), chunk=st.sampled_from([1, 50, 8 << 20])
)
def test_records_come_back(tmp_path_factory, records, chunk):
    path = tmp_path_factory.mktemp("records") / "file.tfrecord"
    write_records(path, records)
    assert list(read_records(path, chunk=chunk)) == records


RECORDS = [b"first", b"", b"the third one", bytes(100)]


@settings(max_examples=150, deadline=None)
@given(data=st.data(), chunk=st.sampled_from([1, 40, 8 << 20]))
def test_any_damage_is_found_and_named(tmp_path_factory, data, chunk):
    path = tmp_path_factory.mktemp("records") / "file.tfrecord"
    offsets = write_records(path, RECORDS)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    number = int(np.searchsorted(offsets, at, side="right")) - 1
    with pytest.raises(
        DataCorrupt,
        match=rf"record {number} at offset {offsets[number]} .*checksum of its (length|data)",
    ) as raised:
        list(read_records(path, chunk=chunk))
    assert "\n" not in str(raised.value)


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(1, 10_000), chunk=st.sampled_from([1, 8 << 20]))
def test_a_file_cut_short_is_found_and_named(tmp_path_factory, cut, chunk):
    path = tmp_path_factory.mktemp("records") / "file.tfrecord"
    offsets = write_records(path, RECORDS)
    size = path.stat().st_size
    left = size - 1 - cut % (size - 1)
    path.write_bytes(path.read_bytes()[:left])
    if left in offsets:
        assert len(list(read_records(path, chunk=chunk))) == offsets.index(left)
        return
    number = int(np.searchsorted(offsets, left, side="right")) - 1
    with pytest.raises(
        DataCorrupt,
        match=rf"record {number} at offset {offsets[number]} is cut short: the file ends at {left}",
    ):
        list(read_records(path, chunk=chunk))


def test_records_before_the_damage_are_still_given(tmp_path):
    path = tmp_path / "file.tfrecord"
    offsets = write_records(path, [b"x" * 100] * 5)
    content = bytearray(path.read_bytes())
    content[offsets[3] + 20] ^= 1
    path.write_bytes(content)
    found = []
    with pytest.raises(DataCorrupt, match="record 3 at offset 348"):
        found.extend(read_records(path, chunk=1))


# -- protocol buffers
# ----------------------------------------------------------------------------------------
def test_fields_of_each_kind():
    message = (
        b"\x08\xac\x02"
        + doubles({2: -0.5})
        + b"\x1a\x03abc"
        + b"\x25"
        + struct.pack("<f", 0.25)
        + b"\x80\x01\x01"
    )
    assert list(fields(message)) == [(1, 300), (2, -0.5), (3, b"abc"), (4, 0.25), (16, 1)]


@pytest.mark.parametrize(
    "message",
    [
        b"\x08",
        b"\x09\x00",
        b"\x1a\x05ab",
        b"\x25\x00",
        b"\x0b",
        b"\x80" * 11,
        b"\x08" + b"\xff" * 10,
    ],
)
def test_messages_that_are_none(message):
    with pytest.raises(ValueError, match="cut short"):
        list(fields(message))


# -- trainings
# -----------------------------------------------------------------------------------------------
def test_a_training_comes_back(tmp_path):
    evaluations = [
        {1: 0.0, 2: 0.0},
        {1: 2.0, 2: 10.0, 3: 0.25, 4: 0.5, 5: 0.75},
        {1: 4.0, 2: 20.0, 3: 0.3, 4: 0.6, 5: 0.9},
    ]
    path = tmp_path / "file.tfrecord"
    write_records(path, [training("0f" * 16, 4, "0100", "input,output", evaluations, 882_570)])
    (found,) = read_trainings(path)
    assert found == ("0f" * 16, 4, "0100", "input,output", 882_570, evaluations)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\xff",
        b"{}",
        b"[1, 2]",
        b'["a", 4, "0100", "input,output", 7]',
        b'["a", 4, "0100", "input,output", "!"]',
        training("a", 4, "", "", [{}], 1),
    ],
)
def test_records_of_another_layout_are_named(tmp_path, record):
    path = tmp_path / "file.tfrecord"
    write_records(path, [training("a", 4, "0100", "input,output", [{}] * 3, 1), record])
    with pytest.raises(
        DataCorrupt, match=r"record 1 is no training in the layout of NAS-Bench-101"
    ):
        list(read_trainings(path))


def test_the_public_files_of_that_layout(mirror):
    four = list(read_trainings(mirror / EC / "energy_4V9E.tfrecord"))
    five = list(read_trainings(mirror / EC / "energy_5V9E.tfrecord"))
    assert (len(four), len(five)) == (91 * 4 * 3, 2532)
    assert {each.epochs for each in four} == {4, 12, 36, 108}
    assert four[0].module_hash == "5529e1779433733d1145e20de5d8604e" and four[0].params == 3_468_426
    for each in (*four[::50], *five[::50]):
        assert [values[1] for values in each.evaluations] == [
            0.0,
            each.evaluations[1][1],
            each.epochs,
        ]
