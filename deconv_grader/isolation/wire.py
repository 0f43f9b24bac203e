"""What crosses between the grader and a worker: frames of plain values and arrays, which cannot execute anything.

A frame is two lengths, a header in JSON and raw little-endian bytes::

    4 bytes   length of the header
    4 bytes   length of the bytes that follow it
    header    {"kind": "call", ..., "body": a value}
    bytes     the arrays' memory, in the order in which the header names them

None, bool, str, finite float and lists stand for themselves in the header; every other value is an object with one
telling key (`tuple`, `dict`, `array`, ...; tensors and sparse matrices are made of arrays, see `foreign`). Whatever is not on the list is refused, and a frame that says more than its
`Limits` allow is refused before memory is spent on it. NaN and the infinities are not JSON: ``{"float": "nan"}``.
"""

from __future__ import annotations

import json
import math
import struct
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from deconv_grader.values import torch_modules, torch_scipy

PREFIX = struct.Struct("<II")
DTYPES = frozenset(["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16"])
_DTYPES = {name: np.dtype(name) for name in DTYPES}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class WireError(Exception):
    """A frame that the protocol does not allow, or a value that cannot be sent."""


@dataclass(frozen=True)
class Limits:
    """What one frame may hold."""

    header: int = 1 << 20  # bytes of JSON
    payload: int = 16 << 20  # bytes of arrays
    depth: int = 32  # containers within containers
    values: int = 20_000
    text: int = 1 << 16  # characters of one string
    bits: int = 4096  # of one int
    dimensions: int = 32
    trusted: bool = False  # toward the worker, where they cannot hurt: strides, modules, torch's generators


REPLY = Limits()
REQUEST = Limits(header=4 << 20, payload=64 << 20, values=100_000, text=1 << 20, trusted=True)

#: Packs what the list above does not know (a handle, a passed function): the header's object, or None if it cannot.
Special = Callable[[Any], "dict[str, Any] | None"]
#: Makes a value of such an object again.
Restore = Callable[[dict[str, Any]], Any]


class Described:
    """A torch module on its way to a worker: what `modules.describe` made of it, and the passed function that it is."""

    def __init__(self, body: dict[str, Any]):
        self.body = body


def encode(fields: dict[str, Any], body: Any, limits: Limits, special: Special | None = None) -> bytes:
    """A frame: `fields` go into the header as they are, `body` is packed.

    Raises
    ------
    WireError
        If the body holds what cannot be sent, or too much of it.
    """
    packer = _Packer(limits, special)
    header = json.dumps({**fields, "body": packer.pack(body, 0)}, allow_nan=False, separators=(",", ":")).encode()
    if len(header) > limits.header:
        raise WireError(f"{len(header):,} bytes of values are more than the {limits.header:,} allowed")
    return b"".join((PREFIX.pack(len(header), packer.size), header, *packer.chunks))


def lengths(prefix: bytes | bytearray, limits: Limits) -> tuple[int, int]:
    """The lengths of a frame's header and bytes."""
    header, payload = PREFIX.unpack(prefix)
    if not 2 <= header <= limits.header or payload > limits.payload:
        raise WireError("the frame is too large")
    return header, payload


def decode(
    header: bytes | bytearray, payload: bytes | bytearray, limits: Limits, restore: Restore | None = None
) -> tuple[dict[str, Any], Any]:
    """The fields and the body of a frame.

    Raises
    ------
    WireError
        Whatever is wrong with it.
    """
    try:
        fields = json.loads(header, parse_constant=_no_constant)
    except (ValueError, RecursionError, MemoryError):
        raise WireError("the header is not JSON") from None
    if not isinstance(fields, dict) or "body" not in fields or type(fields.get("kind")) is not str:
        raise WireError("the header is not a frame's")
    unpacker = _Unpacker(payload, limits, restore)
    body = unpacker.unpack(fields.pop("body"), 0)
    if unpacker.position != len(payload):
        raise WireError("the bytes do not match the header")
    return fields, body


def _no_constant(name: str) -> float:
    raise ValueError(name)


class _Packer:
    def __init__(self, limits: Limits, special: Special | None):
        self.limits, self.special = limits, special
        self.chunks: list[Any] = []
        self.size = 0
        self.values = 0

    def pack(self, value: Any, depth: int) -> Any:
        self.values += 1
        if self.values > self.limits.values or depth > self.limits.depth:
            raise WireError("too many values, or values nested too deeply")
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is int:
            return self._int(value)
        if kind is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if kind is str:
            return self._text(value)
        if kind is complex:
            return {"complex": [self.pack(value.real, depth + 1), self.pack(value.imag, depth + 1)]}
        if kind is np.ndarray and value.dtype in _NAMES:
            return self._array(value)
        if isinstance(value, np.generic) and value.dtype in _NAMES:
            return {"scalar": _NAMES[value.dtype], **self._bytes(value.tobytes())}
        if kind is list:
            return [self.pack(part, depth + 1) for part in value]
        if kind is tuple or (isinstance(value, tuple) and (hasattr(kind, "_fields") or kind.__name__ == "Size")):
            return {"tuple": [self.pack(part, depth + 1) for part in tuple.__iter__(value)]}
        if kind in (dict, OrderedDict, defaultdict) and all(type(key) is str for key in value):
            return {"dict": {self._text(key): self.pack(part, depth + 1) for key, part in value.items()}}
        if kind is Described and self.limits.trusted:
            return {"module": self.pack(value.body, depth + 1)}
        packed = torch_scipy.pack(value, lambda part: self.pack(part, depth + 1), self.limits.trusted)
        if packed is None and self.special is not None:
            packed = self.special(value)
        if packed is None:
            raise WireError(f"a {kind.__name__} cannot be sent; plain values and arrays can")
        return packed

    def _int(self, value: int) -> Any:
        if value.bit_length() <= 64:
            return value
        if value.bit_length() > self.limits.bits:
            raise WireError(f"an int of {value.bit_length():,} bits is too large to send")
        return {"int": hex(value)}

    def _text(self, value: str) -> str:
        if len(value) > self.limits.text:
            raise WireError(f"a text of {len(value):,} characters is too long to send")
        return value.encode("utf-8", "replace").decode()

    def _bytes(self, chunk: Any) -> dict[str, int]:
        size = memoryview(chunk).nbytes
        self.size += size
        if self.size > self.limits.payload:
            raise WireError(f"{self.size:,} bytes of arrays are more than the {self.limits.payload:,} allowed")
        self.chunks.append(chunk)
        return {"bytes": size}

    def _array(self, array: np.ndarray) -> dict[str, Any]:
        if array.nbytes > self.limits.payload:
            raise WireError(f"an array of shape {array.shape} is too large to send")
        node: dict[str, Any] = {"array": _NAMES[array.dtype], "shape": list(array.shape)}
        if not self.limits.trusted or array.flags.c_contiguous:
            node |= self._bytes(array.tobytes())
        else:
            span, offset = _span(array)
            if span > 4 * array.nbytes + 4096:  # a thin view of something large: its gaps are not worth sending
                node |= self._bytes(array.tobytes())
            else:
                # The gaps between the elements are sent as zeros: they belong to someone else.
                memory = np.zeros(span, np.uint8)
                np.ndarray(array.shape, array.dtype, memory, offset, array.strides)[...] = array
                node |= {"strides": list(array.strides), "offset": offset} | self._bytes(memory.tobytes())
        if self.limits.trusted and not array.flags.writeable:
            node["writable"] = False
        return node


def _span(array: np.ndarray) -> tuple[int, int]:
    """How many bytes of memory an array reaches over, and where in them its first element is."""
    low = high = 0
    for length, stride in zip(array.shape, array.strides, strict=True):
        low += min(0, (length - 1) * stride)
        high += max(0, (length - 1) * stride)
    return (high - low + array.itemsize if array.size else 0), (-low if array.size else 0)


class _Unpacker:
    def __init__(self, payload: bytes | bytearray, limits: Limits, restore: Restore | None):
        self.payload, self.limits, self.restore = memoryview(payload), limits, restore
        self.position = 0
        self.values = 0

    def unpack(self, node: Any, depth: int) -> Any:
        self.values += 1
        if self.values > self.limits.values or depth > self.limits.depth:
            raise WireError("too many values, or values nested too deeply")
        kind = type(node)
        if node is None or kind is bool:
            return node
        if kind is int:
            if node.bit_length() > 64:
                raise WireError("an int that is too large")
            return node
        if kind is float:
            if not math.isfinite(node):  # JSON's 1e999
                raise WireError("a float that is not finite")
            return node
        if kind is str:
            return self._text(node)
        if kind is list:
            return [self.unpack(part, depth + 1) for part in node]
        for key, unpack in self._OBJECTS.items():
            if key in node:
                return unpack(self, node, depth)
        if self.restore is not None:
            return self.restore(node)
        raise WireError("an object of unknown kind")

    def _keys(self, node: dict[str, Any], needed: set[str], allowed: frozenset[str] = frozenset()) -> None:
        if not needed <= node.keys() <= needed | allowed:
            raise WireError("an object with missing or unknown fields")

    def _text(self, text: Any) -> str:
        if type(text) is not str or len(text) > self.limits.text:
            raise WireError("a text that is too long, or none")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise WireError("a text with half a character")
        return text

    def _count(self, value: Any, most: int) -> int:
        if type(value) is not int or not 0 <= value <= most:
            raise WireError("a length that is none, or too large")
        return value

    def _int(self, node: dict[str, Any], depth: int) -> int:
        self._keys(node, {"int"})
        text = self._text(node["int"])
        try:
            value = int(text, 16)
        except ValueError:
            raise WireError("an int that is none") from None
        if value.bit_length() > self.limits.bits:
            raise WireError("an int that is too large")
        return value

    def _float(self, node: dict[str, Any], depth: int) -> float:
        self._keys(node, {"float"})
        try:
            return _FLOATS[node["float"]]
        except (KeyError, TypeError):
            raise WireError("a float that is none") from None

    def _complex(self, node: dict[str, Any], depth: int) -> complex:
        self._keys(node, {"complex"})
        parts = self.unpack(node["complex"], depth + 1)
        if type(parts) is not list or [type(part) for part in parts] != [float, float]:
            raise WireError("a complex number that is none")
        return complex(*parts)

    def _tuple(self, node: dict[str, Any], depth: int) -> tuple[Any, ...]:
        self._keys(node, {"tuple"})
        if type(node["tuple"]) is not list:
            raise WireError("a tuple that is none")
        return tuple(self.unpack(part, depth + 1) for part in node["tuple"])

    def _dict(self, node: dict[str, Any], depth: int) -> dict[str, Any]:
        self._keys(node, {"dict"})
        if type(node["dict"]) is not dict:
            raise WireError("a dict that is none")
        return {self._text(key): self.unpack(part, depth + 1) for key, part in node["dict"].items()}

    def _dtype(self, name: Any) -> np.dtype:
        if type(name) is not str or name not in DTYPES:
            raise WireError("a dtype that is not on the list")
        return _DTYPES[name]

    def _take(self, size: int) -> memoryview:
        if size > len(self.payload) - self.position:
            raise WireError("more bytes announced than sent")
        self.position += size
        return self.payload[self.position - size : self.position]

    def _scalar(self, node: dict[str, Any], depth: int) -> np.generic:
        self._keys(node, {"scalar", "bytes"})
        dtype = self._dtype(node["scalar"])
        if type(node["bytes"]) is not int or node["bytes"] != dtype.itemsize:
            raise WireError("a number of the wrong length")
        return _memory(self._take(dtype.itemsize), dtype)[0]

    def _array(self, node: dict[str, Any], depth: int) -> np.ndarray:
        layout = frozenset({"strides", "offset", "writable"}) if self.limits.trusted else frozenset()
        self._keys(node, {"array", "shape", "bytes"}, layout)
        dtype = self._dtype(node["array"])
        shape = self._shape(node["shape"], dtype)
        size = self._count(node["bytes"], self.limits.payload)
        expected = math.prod(shape) * dtype.itemsize
        if "strides" in node:
            memory = _memory(self._take(size), np.dtype(np.uint8))
            try:
                array = np.ndarray(shape, dtype, memory, node["offset"], tuple(node["strides"]))
            except (ValueError, TypeError, KeyError, OverflowError):
                raise WireError("strides that leave the array") from None
        elif size != expected:
            raise WireError("a shape that does not match the bytes")
        else:
            array = _memory(self._take(size), dtype).reshape(shape)
        if node.get("writable") is False:
            array.flags.writeable = False
        return array

    def _shape(self, shape: Any, dtype: np.dtype) -> tuple[int, ...]:
        if type(shape) is not list or len(shape) > self.limits.dimensions:
            raise WireError("a shape that is none, or of too many dimensions")
        lengths = tuple(self._count(length, 1 << 40) for length in shape)
        # Empty arrays too: what NumPy multiplies up must stay a size it can count.
        if math.prod(max(1, length) for length in lengths) * dtype.itemsize > self.limits.payload:
            raise WireError("an array that is too large")
        return lengths

    def _foreign(self, node: dict[str, Any], depth: int) -> Any:
        self._keys(node, {"foreign", "parts"}, frozenset({"shape", "gradient"}))
        if node["foreign"] == "torch generator" and not self.limits.trusted:  # its state is torch's to check
            raise WireError("a generator that nobody asked for")
        try:
            return torch_scipy.unpack(node, self.unpack(node["parts"], depth + 1))
        except (TypeError, ValueError, IndexError, OverflowError, RuntimeError, KeyError):
            raise WireError("a tensor, sparse matrix or generator that is none") from None

    def _module(self, node: dict[str, Any], depth: int) -> Any:
        self._keys(node, {"module"})
        if not self.limits.trusted:
            raise WireError("a module, which only the grader sends")
        body = self.unpack(node["module"], depth + 1)
        module = torch_modules.build(body["tree"])
        torch_modules.lent[module] = body["itself"]
        return module

    _OBJECTS = {
        "array": _array,
        "tuple": _tuple,
        "scalar": _scalar,
        "float": _float,
        "int": _int,
        "complex": _complex,
        "dict": _dict,
        "foreign": _foreign,
        "module": _module,
    }


def _memory(chunk: memoryview, dtype: np.dtype) -> np.ndarray:
    """A copy of the bytes as a flat array of its own. A bool is made of 0 and 1, whatever was sent."""
    if dtype.kind == "b":
        return np.frombuffer(chunk, np.uint8) != 0
    return np.frombuffer(chunk, dtype).copy()
