"""TFRecord files and the protocol buffers inside, read without TensorFlow.

A record is its length (8 bytes), the masked CRC32C of the length, the data, and the masked CRC32C
of the data, all little-endian. Checksums are computed for many records at once: 2 GB take seconds.
"""

from __future__ import annotations

import base64
import binascii
import json
import mmap
import struct
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import DataCorrupt

#: Bytes that are checked at a time.
CHUNK = 8 << 20
_HEADER, _FOOTER = 12, 4
#: Four bytes that take the checksum's register from 0 to its start value, all ones, so that zeros
#: before them change nothing.
_START = bytes.fromhex("54641f64")


# -- checksums
# ---------------------------------------------------------------------------------------------
@cache
def _tables() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """What the halves of the register become after 32 bits, shape (65536,) each.

    They are the low and the high half, and the polynomial is that of CRC32C (Castagnoli).
    """
    halves = np.arange(1 << 16, dtype=np.uint32)
    tables = []
    for state in (halves, halves << np.uint32(16)):
        for _ in range(32):
            state = (state >> np.uint32(1)) ^ np.where(
                state & np.uint32(1), np.uint32(0x82F63B78), np.uint32(0)
            )
        tables.append(state)
    return tables[0], tables[1]


def masked_crc32c(records: Sequence[bytes]) -> NDArray[np.uint32]:
    """Masked CRC32C of each record, shape (n,)."""
    if not records:
        return np.empty(0, dtype=np.uint32)
    low, high = _tables()
    length = -(-(max(map(len, records)) + len(_START)) // 4) * 4
    padded = b"".join([(_START + record).rjust(length, b"\0") for record in records])
    words = np.ascontiguousarray(np.frombuffer(padded, dtype="<u4").reshape(len(records), -1).T)
    state = np.zeros(len(records), dtype=np.uint32)
    for word in words:
        state ^= word
        state = low[state & np.uint32(0xFFFF)] ^ high[state >> np.uint32(16)]
    state = ~state
    return (state >> np.uint32(15) | state << np.uint32(17)) + np.uint32(0xA282EAD8)


# -- records
# -----------------------------------------------------------------------------------------------
def read_records(path: Path, *, chunk: int = CHUNK) -> Iterator[bytes]:
    """The data of each record, in order, checked about `chunk` bytes at a time.

    Raises:
        DataCorrupt: a checksum does not fit, or the file ends inside a record; names the record
            (from 0) and its offset.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            offset = number = 0
            while offset < len(content):
                starts = []
                begin, whole = offset, True
                while whole and offset < len(content) and offset - begin < chunk:
                    starts.append(offset)
                    whole = offset + _HEADER <= len(content)
                    offset += (
                        _HEADER
                        + _FOOTER
                        + (int.from_bytes(content[offset : offset + 8], "little") if whole else 0)
                    )
                    whole = whole and offset <= len(content)
                yield from _checked(content, starts, path, number)
                number += len(starts)


def _checked(content: mmap.mmap, starts: Sequence[int], path: Path, number: int) -> list[bytes]:
    """Data of the records that begin at `starts`; the last one may not be whole."""

    def corrupt(record: int, what: str) -> DataCorrupt:
        return DataCorrupt(
            f"{path}: record {number + record} at offset {starts[record]:,} {what}; get the file "
            "again"
        )

    def compare(stored: Sequence[bytes], data: Sequence[bytes], what: str) -> None:
        wrong = np.flatnonzero(np.frombuffer(b"".join(stored), dtype="<u4") != masked_crc32c(data))
        if len(wrong):
            raise corrupt(int(wrong[0]), f"is damaged: the checksum of its {what} does not fit")

    headers = [content[start : start + _HEADER] for start in starts]
    short = len(headers[-1]) < _HEADER
    lengths = headers[:-1] if short else headers
    compare([header[8:] for header in lengths], [header[:8] for header in lengths], "length")
    ends = [
        start + _HEADER + int.from_bytes(header[:8], "little")
        for start, header in zip(starts, lengths, strict=False)
    ]
    if short or ends[-1] + _FOOTER > len(content):
        raise corrupt(len(starts) - 1, f"is cut short: the file ends at {len(content):,}")
    data = [content[start + _HEADER : end] for start, end in zip(starts, ends, strict=True)]
    compare([content[end : end + _FOOTER] for end in ends], data, "data")
    return data


# -- protocol buffers
# --------------------------------------------------------------------------------------
def fields(message: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """Field numbers and values of a message.

    Integers, doubles, floats, and bytes for everything that has a length.

    Raises:
        ValueError: it is no message, or cut short.
    """
    at, size = 0, len(message)
    while at < size:
        tag, at = _varint(message, at)
        kind = tag & 7
        value: int | float | bytes
        if kind == 1 and at + 8 <= size:
            (value,) = struct.unpack_from("<d", message, at)
            at += 8
        elif kind == 5 and at + 4 <= size:
            (value,) = struct.unpack_from("<f", message, at)
            at += 4
        elif kind == 0:
            value, at = _varint(message, at)
        elif kind == 2:
            length, at = _varint(message, at)
            value, at = message[at : at + length], at + length
            if at > size:
                raise ValueError(f"field {tag >> 3} is cut short")
        else:
            raise ValueError(f"field {tag >> 3} of kind {kind} is cut short or unknown")
        yield tag >> 3, value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
    raise ValueError("a number is cut short")


# -- what NAS-Bench-101 keeps in a record
# ------------------------------------------------------------------
class Training(NamedTuple):
    """One training.

    Attributes:
        module_hash: of the cell.
        epochs: trained for.
        matrix: adjacency, V * V digits, row by row.
        ops: names of the V operations, separated by commas.
        params: trainable parameters.
        evaluations: at the start, half-way and at the end: the doubles of each by field number (1
            epoch, 2 training time in seconds, 3 to 5 accuracy on training, validation and test
            images).
    """

    module_hash: str
    epochs: int
    matrix: str
    ops: str
    params: int
    evaluations: list[dict[int, float]]


def read_trainings(path: Path) -> Iterator[Training]:
    """Every training in a file with the layout of NAS-Bench-101.

    JSON with a base64 message of metrics.

    Raises:
        DataCorrupt: see `read_records`; or a record is not of that layout.
    """
    for number, record in enumerate(read_records(path)):
        try:
            module_hash, epochs, matrix, ops, metrics = json.loads(record)
            params, evaluations = 0, []
            for field, value in fields(base64.b64decode(metrics)):
                if field == 1 and isinstance(value, bytes):
                    evaluations.append(
                        {
                            inner: double
                            for inner, double in fields(value)
                            if isinstance(double, float)
                        }
                    )
                elif field == 2 and isinstance(value, int):
                    params = value
            if len(evaluations) != 3:
                raise ValueError(f"{len(evaluations)} evaluations, expected 3")
            yield Training(
                str(module_hash), int(epochs), str(matrix), str(ops), params, evaluations
            )
        except (ValueError, TypeError, binascii.Error) as error:
            raise DataCorrupt(
                f"{path}: record {number} is no training in the layout of NAS-Bench-101 ({error})"
            ) from error
