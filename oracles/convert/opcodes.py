"""A reader of pickles' opcodes that makes plain data, with bounded depth, memory and time.

`pickle`'s own calls what a file names, hashes tuples of any depth and takes memo indices of any
size.
"""

from __future__ import annotations

import pickle
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nasrepro.oracles.convert.plaindata import CALLABLE, STANDINS, Array, DType, Recorded
from nasrepro.suite.errors import DataCorrupt

#: Values in one tuple, those of tuples inside it counted as often as they stand there: hashing a
#: tuple costs that much, and as deep a recursion.
_WEIGHT = 10_000
#: Seconds of CPU for a pickle, and for each of its bytes; reading takes about a tenth of that.
_SECONDS, _SECONDS_PER_BYTE = 10.0, 5e-6
_STOP = pickle.STOP[0]


class Machine:
    """Reads one pickle after another out of `data`.

    Args:
        data: the bytes.
        path: of the file, for messages.
        recorded: top-level packages whose objects come back as `Recorded`.
    """

    def __init__(self, data: bytes, path: Path, recorded: tuple[str, ...] = ()) -> None:
        self._data, self.path, self._recorded = data, path, recorded
        self._at = 0

    def load(self) -> Any:
        """The next pickle's value."""
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._weights: dict[int, tuple[int, Any]] = {}  # of tuples, which must stay alive
        self._arrays = False  # whether there is one to fill in
        self._objects = 2**20 + len(self._data) // 8  # containers that may still be made
        deadline = time.process_time() + _SECONDS + _SECONDS_PER_BYTE * len(self._data)
        data, steps = self._data, _STEPS
        while time.process_time() < deadline:
            for _ in range(50_000):
                code = data[self._at]
                self._at += 1
                if code == _STOP:
                    return self._pop()
                steps[code](self)
        raise pickle.UnpicklingError("it takes too long to read")

    # -- bytes -------------------------------------------------------------------------------------
    def _take(self, count: int) -> bytes:
        start = self._at
        self._at = end = start + count
        if not start <= end <= len(self._data):
            raise EOFError("cut short")
        return self._data[start:end]

    def _line(self) -> bytes:
        end = self._data.find(b"\n", self._at)
        if end < 0:
            raise EOFError("cut short")
        line, self._at = self._data[self._at : end], end + 1
        return line

    def _number(self, form: struct.Struct) -> Any:
        (value,) = form.unpack_from(self._data, self._at)
        self._at += form.size
        return value

    # -- the stack ---------------------------------------------------------------------------------
    def _pop(self) -> Any:
        value = self._stack.pop()
        return value.made if isinstance(value, Array) and value.made is not None else value

    def _since_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marks.pop()
        if not self._arrays:
            return items
        return [v.made if isinstance(v, Array) and v.made is not None else v for v in items]

    def _mark(self) -> None:
        self._count(1)
        self._marks.append(self._stack)
        self._stack = []

    def _count(self, objects: int) -> None:
        self._objects -= objects
        if self._objects < 0:
            raise pickle.UnpicklingError("more objects than its bytes can stand for")

    def _new(self, value: Any) -> None:
        self._count(1)
        self._stack.append(value)

    def _tuple(self, items: tuple[Any, ...]) -> None:
        weight = 1 + len(items)
        for item in items:
            if type(item) is tuple and item:
                weight += self._weights[id(item)][0]
        if weight > max(_WEIGHT, 1 + len(items)):
            raise pickle.UnpicklingError(f"a tuple of over {_WEIGHT:,} values")
        if items:
            self._weights[id(items)] = weight, items
        self._new(items)

    def _last(self, kind: type) -> Any:
        target = self._stack[-1]
        if type(target) is not kind:
            raise pickle.UnpicklingError(f"{type(target).__name__} in place of {kind.__name__}")
        return target

    def _append(self, items: list[Any]) -> None:
        self._last(list).extend(items)

    def _set(self, items: list[Any]) -> None:
        self._last(dict).update(zip(items[::2], items[1::2], strict=True))

    def _add(self, items: list[Any]) -> None:
        self._last(set).update(items)

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def _duplicate(self) -> None:
        self._stack.append(self._stack[-1])

    # -- names -------------------------------------------------------------------------------------
    def _named(self, module: str, name: str) -> None:
        if module.split(".")[0] in self._recorded:
            self._new(Recorded)
            return
        old = module.replace("numpy._core", "numpy.core").replace("__builtin__", "builtins")
        if (old, name) not in STANDINS:
            raise DataCorrupt(
                f"{self.path} names {module}.{name}, which the allow-list of originals does not "
                "have; it was not opened"
            )
        self._new(STANDINS[old, name])

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if id(function) not in CALLABLE:
            raise pickle.UnpicklingError("a call of what is no name")
        if not isinstance(arguments, tuple):
            raise pickle.UnpicklingError("arguments that are no tuple")
        self._count(sum(len(a) for a in arguments if isinstance(a, (str, list, dict, set, tuple))))
        self._arrays = self._arrays or function is Array
        self._new(function(*arguments))

    def _build(self) -> None:
        state, target = self._pop(), self._stack[-1]
        if isinstance(target, Recorded):
            target.state = state
        elif isinstance(target, (DType, Array)):
            target.build(state)
        elif type(target) is not dict:  # attributes of an OrderedDict are left out
            raise pickle.UnpicklingError(f"a state for {type(target).__name__}")

    def _persistent(self) -> None:
        """A tensor's numbers, which stand outside the pickle: not read."""
        self._pop()
        if "torch" not in self._recorded:
            raise DataCorrupt(f"{self.path} has tensors in it; it was not opened")
        self._stack.append(None)


_U1, _U2, _U4, _U8 = (struct.Struct(form) for form in ("<B", "<H", "<I", "<Q"))
_I4, _F8 = struct.Struct("<i"), struct.Struct(">d")
_Step = Callable[[Machine], None]


def _unknown(machine: Machine) -> None:
    raise pickle.UnpicklingError("an opcode that plain data has no use for")


def _pushed(read: Callable[[Machine], Any]) -> _Step:
    def step(machine: Machine) -> None:
        machine._stack.append(read(machine))

    return step


def _sized(form: struct.Struct, made: Callable[[bytes], Any]) -> _Step:
    """Push what `made` makes of as many bytes as the number before them says."""
    unpack, size = form.unpack_from, form.size

    def step(machine: Machine) -> None:
        (count,) = unpack(machine._data, machine._at)
        machine._at += size
        machine._stack.append(made(machine._take(count)))

    return step


def _lined(made: Callable[[bytes], Any]) -> _Step:
    return _pushed(lambda machine: made(machine._line()))


def _skipped(count: int) -> _Step:
    def step(machine: Machine) -> None:
        machine._take(count)

    return step


def _counted(form: struct.Struct) -> _Step:
    unpack, size = form.unpack_from, form.size

    def step(machine: Machine) -> None:
        machine._stack.append(unpack(machine._data, machine._at)[0])
        machine._at += size

    return step


def _of_marked(take: Callable[[Machine, list[Any]], None]) -> _Step:
    return lambda machine: take(machine, machine._since_mark())


def _of_last(count: int, take: Callable[[Machine, list[Any]], None]) -> _Step:
    def step(machine: Machine) -> None:
        items = [machine._pop() for _ in range(count)]
        take(machine, items[::-1])

    return step


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _latin(data: bytes) -> str:
    return data.decode("latin1")


def _quoted(line: bytes) -> str:
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in b"'\"" or b"\\" in line:
        raise pickle.UnpicklingError("a string without quotes, or with escapes")
    return line[1:-1].decode("latin1")


def _whole(line: bytes) -> int | bool:
    return {b"00": False, b"01": True}.get(line, int(line.rstrip(b"L")))


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _dropped(machine: Machine, items: list[Any]) -> None:
    """What was taken off the stack goes nowhere."""


def _memoised(machine: Machine) -> None:
    machine._memo[len(machine._memo)] = machine._stack[-1]


def _new_tuple(machine: Machine, items: list[Any]) -> None:
    machine._tuple(tuple(items))


def _new_dict(machine: Machine, items: list[Any]) -> None:
    machine._new(dict(zip(items[::2], items[1::2], strict=True)))


def _stack_global(machine: Machine) -> None:
    name, module = machine._pop(), machine._pop()
    machine._named(str(module), str(name))


_BY_OPCODE: dict[bytes, _Step] = {
    pickle.PROTO: _skipped(1),
    pickle.FRAME: _skipped(8),
    pickle.MARK: Machine._mark,
    pickle.POP: _of_last(1, _dropped),
    pickle.POP_MARK: _of_marked(_dropped),
    pickle.DUP: Machine._duplicate,
    # numbers and constants
    pickle.NONE: _pushed(lambda m: None),
    pickle.NEWTRUE: _pushed(lambda m: True),
    pickle.NEWFALSE: _pushed(lambda m: False),
    pickle.INT: _lined(_whole),
    pickle.LONG: _lined(_whole),
    pickle.FLOAT: _lined(float),
    pickle.BININT: _counted(_I4),
    pickle.BININT1: _counted(_U1),
    pickle.BININT2: _counted(_U2),
    pickle.LONG1: _sized(_U1, _signed),
    pickle.LONG4: _sized(_I4, _signed),
    pickle.BINFLOAT: _counted(_F8),
    # texts and bytes; those of Python 2 are Latin-1
    pickle.STRING: _lined(_quoted),
    pickle.BINSTRING: _sized(_I4, _latin),
    pickle.SHORT_BINSTRING: _sized(_U1, _latin),
    pickle.UNICODE: _lined(lambda line: line.decode("raw-unicode-escape")),
    pickle.SHORT_BINUNICODE: _sized(_U1, _text),
    pickle.BINUNICODE: _sized(_U4, _text),
    pickle.BINUNICODE8: _sized(_U8, _text),
    pickle.SHORT_BINBYTES: _sized(_U1, bytes),
    pickle.BINBYTES: _sized(_U4, bytes),
    pickle.BINBYTES8: _sized(_U8, bytes),
    pickle.BYTEARRAY8: _sized(_U8, bytes),
    # containers
    pickle.EMPTY_TUPLE: lambda m: m._new(()),
    pickle.TUPLE: _of_marked(_new_tuple),
    pickle.TUPLE1: _of_last(1, _new_tuple),
    pickle.TUPLE2: _of_last(2, _new_tuple),
    pickle.TUPLE3: _of_last(3, _new_tuple),
    pickle.EMPTY_LIST: lambda m: m._new([]),
    pickle.LIST: _of_marked(Machine._new),
    pickle.APPEND: _of_last(1, Machine._append),
    pickle.APPENDS: _of_marked(Machine._append),
    pickle.EMPTY_DICT: lambda m: m._new({}),
    pickle.DICT: _of_marked(_new_dict),
    pickle.SETITEM: _of_last(2, Machine._set),
    pickle.SETITEMS: _of_marked(Machine._set),
    pickle.EMPTY_SET: lambda m: m._new(set()),
    pickle.ADDITEMS: _of_marked(Machine._add),
    # memo
    pickle.GET: lambda m: m._get(int(m._line())),
    pickle.BINGET: lambda m: m._get(m._number(_U1)),
    pickle.LONG_BINGET: lambda m: m._get(m._number(_U4)),
    pickle.PUT: lambda m: m._put(int(m._line())),
    pickle.BINPUT: lambda m: m._put(m._number(_U1)),
    pickle.LONG_BINPUT: lambda m: m._put(m._number(_U4)),
    pickle.MEMOIZE: _memoised,
    # what stands for objects
    pickle.GLOBAL: lambda m: m._named(_text(m._line()), _text(m._line())),
    pickle.STACK_GLOBAL: _stack_global,
    pickle.REDUCE: Machine._reduce,
    pickle.NEWOBJ: Machine._reduce,
    pickle.BUILD: Machine._build,
    pickle.BINPERSID: Machine._persistent,
}
_STEPS: list[_Step] = [_BY_OPCODE.get(bytes([code]), _unknown) for code in range(256)]
