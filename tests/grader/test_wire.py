"""The wire: what can be sent comes out as it went in, and nothing that is sent can do harm."""

from __future__ import annotations

import json
import math
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deconv_grader.checks.writing import LAYOUTS, arrange
from deconv_grader.isolation import wire
from deconv_grader.values import torch_modules

SMALL = wire.Limits(header=1 << 14, payload=1 << 16, values=500, text=1000)


def across(value, limits=wire.REQUEST, **hooks):
    frame = wire.encode({"kind": "test"}, value, limits, hooks.get("special"))
    header, payload = wire.lengths(frame[:8], limits)
    assert len(frame) == 8 + header + payload
    fields, body = wire.decode(frame[8 : 8 + header], frame[8 + header :], limits, hooks.get("restore"))
    assert fields == {"kind": "test"}
    return body


def same(a, b):
    """Equal in type and value, to the bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return struct.pack("<d", a) == struct.pack("<d", b) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return a == b


dtypes = st.sampled_from(sorted(wire.DTYPES)).map(np.dtype)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 4000), 1 << 4000),
    st.floats(),
    st.complex_numbers(),
    text,
    hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)),
    hnp.arrays(dtypes, ()).map(lambda array: array[()]),
)
plain = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.lists(inner, max_size=4).map(tuple), st.dictionaries(text, inner, max_size=4)
    ),
    max_leaves=8,
)


@given(plain)
@settings(max_examples=200)
def test_what_goes_in_comes_out(value):
    assert same(across(value), value)
    assert same(across(value, wire.REPLY), value)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["<f4", "<i8", "|b1"])
def test_the_memory_layout_crosses_toward_the_worker(layout, dtype):
    array = arrange(np.arange(2 * 3 * 5).reshape(2, 3, 5).astype(dtype), layout)
    twin = across(array)
    assert same(twin, array)
    assert twin.strides == array.strides
    assert twin.flags.writeable == array.flags.writeable
    assert twin.flags.f_contiguous == array.flags.f_contiguous
    assert not np.shares_memory(twin, array)


def test_other_views():
    square = np.arange(36.0).reshape(6, 6)
    for view in (
        square.T,
        square[::-2, 1:],
        square[:, 2],
        np.broadcast_to(square[0], (3, 6)),
        square.swapaxes(0, 1)[::2],
    ):
        twin = across(view)
        assert twin.strides == view.strides
        np.testing.assert_array_equal(twin, view)
    twin = across(np.zeros((1000, 1000))[::100, ::100])  # too thin a view to send with its gaps
    assert twin.shape == (10, 10)


def test_the_gaps_of_a_view_are_not_sent():
    secret = np.full(10, 0x41, np.uint8)
    frame = wire.encode({"kind": "test"}, secret[::2], wire.REQUEST)
    assert frame.endswith(b"\x41\0\x41\0\x41\0\x41\0\x41")


def test_a_reply_has_no_strides():
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert across(array, wire.REPLY).flags.c_contiguous
    frame = wire.encode({"kind": "test"}, array, wire.REQUEST)
    header, _ = wire.lengths(frame[:8], wire.REQUEST)
    with pytest.raises(wire.WireError):
        wire.decode(frame[8 : 8 + header], frame[8 + header :], wire.REPLY)


def test_a_random_generator_crosses_as_a_copy():
    generator = np.random.default_rng(3)
    generator.integers(9, size=3, dtype=np.uint32)
    twin = across(generator)
    first = twin.standard_normal(4)
    np.testing.assert_array_equal(first, generator.standard_normal(4))


def test_sparse_matrices_cross():
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_array(np.array([[0, 1.5, 0], [2, 0, 0]]))
    twin = across(matrix, wire.REPLY)
    assert type(twin) is sparse.csr_array
    np.testing.assert_array_equal(twin.toarray(), matrix.toarray())


@pytest.mark.parametrize(
    "parts",
    [
        ([1.0], [7], [0, 1]),  # a column that is not there
        ([1.0], [0], [0, 9]),  # rows that end beyond the entries
        ([1.0], [0], [1, 0]),  # rows that run backwards
        ([1.0], [-1], [0, 1]),
    ],
)
def test_a_sparse_matrix_is_checked(parts):
    pytest.importorskip("scipy.sparse")
    arrays = [np.array(part) for part in parts]
    good = wire.encode({"kind": "test"}, arrays, wire.REPLY)
    header, _ = wire.lengths(good[:8], wire.REPLY)
    fields = json.loads(good[8 : 8 + header])
    fields["body"] = {"foreign": "csr_array", "shape": [1, 2], "parts": fields["body"]}
    with pytest.raises(wire.WireError):
        wire.decode(json.dumps(fields).encode(), good[8 + header :], wire.REPLY)


def test_tensors_cross():
    torch = pytest.importorskip("torch")
    tensor = torch.arange(6.0).reshape(2, 3).requires_grad_()
    twin = across(tensor)
    assert twin.requires_grad
    assert torch.equal(twin, tensor)


def test_torch_generators_and_modules_cross_toward_the_worker_only():
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(5)
    twin = across(generator)
    assert torch.equal(torch.rand(4, generator=twin), torch.rand(4, generator=generator))
    layer = torch.nn.Linear(2, 3)
    described = wire.Described({"tree": torch_modules.describe(layer, lambda *_: None), "itself": None})
    assert torch.equal(across(described).weight, layer.weight)
    for value in (generator, described):
        frame = wire.encode({"kind": "test"}, value, wire.REQUEST)
        header, _ = wire.lengths(frame[:8], wire.REPLY)
        with pytest.raises(wire.WireError, match=r"nobody asked for|only the grader sends"):
            wire.decode(frame[8 : 8 + header], frame[8 + header :], wire.REPLY)
    with pytest.raises(wire.WireError, match="cannot be sent"):
        wire.encode({"kind": "test"}, described, wire.REPLY)


class Tricky(np.ndarray):
    pass


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        b"bytes",
        {1: 2},
        np.array([None], object),
        np.zeros(2, "<f8").view(Tricky),
        np.zeros(2, np.longdouble),
        np.zeros(2, [("a", "<f8")]),
        np.array(["text"]),
        np.zeros(2, ">f8"),
        range(3),
        type("Int", (int,), {})(3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_on_the_list_is_not_sent(value):
    with pytest.raises(wire.WireError):
        across(value)
    assert across(value, special=lambda thing: {"handle": 1}, restore=lambda node: node) == {"handle": 1}


@pytest.mark.parametrize(
    "value", [np.zeros(1 << 14), "x" * 2000, [0] * 1000, ["x" * 900] * 50], ids=["array", "text", "list", "texts"]
)
def test_too_much_is_not_sent(value):
    with pytest.raises(wire.WireError):
        across(value, SMALL)


def test_an_int_too_large_is_not_sent():
    with pytest.raises(wire.WireError):
        across(1 << 5000)


def test_a_list_in_itself_is_not_sent():
    endless: list = []
    endless.append(endless)
    with pytest.raises(wire.WireError):
        across(endless)


# What a hostile worker could send instead.

nodes = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from([0, 1, -1, 8, 1 << 31, 1 << 40, 1 << 63, -(1 << 63)]),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(
            [
                "<f8",
                "|b1",
                "|O",
                "O",
                "<f16",
                "<M8[s]",
                "V8",
                "nan",
                "-inf",
                "0x" + "f" * 50,
                "csr_array",
                "tensor",
                "generator",
            ]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                [
                    "array",
                    "shape",
                    "bytes",
                    "strides",
                    "offset",
                    "writable",
                    "scalar",
                    "tuple",
                    "dict",
                    "int",
                    "float",
                    "complex",
                    "foreign",
                    "parts",
                    "gradient",
                    "handle",
                    "type",
                    "body",
                ]
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=20,
)
arrays = st.fixed_dictionaries(
    {
        "array": st.sampled_from(["<f8", "|b1", "<i2", "|O", "<c16"]),
        "shape": st.lists(st.sampled_from([0, 1, 2, 3, -1, 1 << 20, 1 << 40, 1 << 62]), max_size=40),
        "bytes": st.sampled_from([0, 1, 8, 16, 24, -8, 1 << 40]),
    },
    optional={"strides": st.lists(st.integers(-64, 64), max_size=4), "offset": st.integers(-8, 64), "writable": nodes},
)


def refused_or_small(header: bytes, payload: bytes, limits: wire.Limits) -> None:
    """Decode; only a `WireError` may come of it, and not much memory be taken for it."""
    tracemalloc.start()
    try:
        wire.decode(header, payload, limits)
    except wire.WireError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 40 * (len(header) + len(payload)) + (1 << 18)


@given(st.one_of(nodes, arrays, st.lists(arrays, max_size=3)), st.binary(max_size=64), st.booleans())
@settings(max_examples=500)
def test_fuzzed_headers(body, payload, toward_worker):
    header = json.dumps({"kind": "result", "body": body}).encode()
    refused_or_small(header, payload, wire.REQUEST if toward_worker else wire.REPLY)


@given(st.binary(max_size=200), st.binary(max_size=64))
@settings(max_examples=300)
def test_fuzzed_bytes(header, payload):
    refused_or_small(header, payload, wire.REPLY)


@given(plain, st.data())
@settings(max_examples=200)
def test_a_frame_with_a_byte_changed(value, data):
    frame = bytearray(wire.encode({"kind": "result"}, value, wire.REPLY))
    place = data.draw(st.integers(8, len(frame) - 1))
    frame[place] = data.draw(st.integers(0, 255))
    header, _ = wire.lengths(bytes(frame[:8]), wire.REPLY)
    refused_or_small(bytes(frame[8 : 8 + header]), bytes(frame[8 + header :]), wire.REPLY)


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 100_000,
        b'{"body":' * 50_000,
        b'{"kind":"r","body":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"kind":"r","body":NaN}',
        b'{"kind":"r","body":1e999}',
        b'{"kind":"r","body":' + b"9" * 100_000 + b"}",
        b'{"kind":"r","body":"\\ud800"}',
        b'{"kind":1,"body":1}',
        b'{"kind":"r"}',
        b'"kind"',
        b"\xff\xfe",
        b'{"kind":"r","body":{"array":"<f8","shape":[0,4611686018427387904],"bytes":0}}',
        b'{"kind":"r","body":{"scalar":"<f8","bytes":true}}',
    ],
)
def test_headers_that_are_refused(header):
    with pytest.raises(wire.WireError):
        wire.decode(header, b"", wire.REPLY)


@pytest.mark.parametrize("prefix", [b"\xff" * 8, struct.pack("<II", 0, 0), struct.pack("<II", 10, 1 << 31)])
def test_lengths_that_are_refused(prefix):
    with pytest.raises(wire.WireError):
        wire.lengths(prefix, wire.REPLY)


def test_a_bool_is_zero_or_one():
    header = b'{"kind":"r","body":{"array":"|b1","shape":[3],"bytes":3}}'
    _, array = wire.decode(header, bytes([0, 1, 7]), wire.REPLY)
    assert array.view(np.uint8).tolist() == [0, 1, 1]
