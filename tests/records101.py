"""TFRecord files as NAS-Bench-101 and EC-NAS have them, written by the definition.

What tests of their readers share.
"""

import base64
import json
import struct

EC = (
    "PedramBakh/EC-NAS-Bench/13e373ead9d5c1fa177de1c1217b0cd9d8739aac/"
    "ecnas/ecnas/utils/data/tabular_benchmarks"
)


def crc32c(data):
    """Bit by bit, as the definition says."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def write_records(path, records):
    """Write a TFRecord file; the offset of each record."""
    offsets = []
    with path.open("wb") as file:
        for record in records:
            offsets.append(file.tell())
            length = struct.pack("<Q", len(record))
            file.write(
                length
                + struct.pack("<I", masked(length))
                + record
                + struct.pack("<I", masked(record))
            )
    return offsets


def varint(number):
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def doubles(values):
    """A message of doubles, by field number."""
    return b"".join(
        bytes([field << 3 | 1]) + struct.pack("<d", value) for field, value in values.items()
    )


def metrics(evaluations, params):
    """What NAS-Bench-101 calls ModelMetrics.

    Evaluations, parameters, total time, and a path as its own files have it.
    """
    body = b""
    for values in evaluations:
        inner = doubles(values) + b"\x32" + varint(3) + b"/ck"
        body += b"\x0a" + varint(len(inner)) + inner
    return body + b"\x10" + varint(params) + doubles({3: 1.5})


def training(module_hash, epochs, matrix, ops, evaluations, params):
    """A record of NAS-Bench-101."""
    return json.dumps(
        [
            module_hash,
            epochs,
            matrix,
            ops,
            base64.encodebytes(metrics(evaluations, params)).decode(),
        ]
    ).encode()
