"""The file format: what is written is read, and nothing else is taken for it."""

from __future__ import annotations

import json
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stolcke import container
from stolcke.errors import FileFormatError

DTYPES = ["?", "i1", "u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8"]
META = {"name": "é", "list": [1, 2.5, None, True], "nested": {"a": {}}}
ARRAYS = {
    "one": np.arange(5, dtype=np.int32),
    "two": np.array([[True, False]] * 3),
    "empty": np.zeros((0, 4), dtype=np.float32),
    "scalar": np.array(7, dtype=np.uint64),
}


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("container") / "file"
    container.write(path, "test", META, ARRAYS)
    return path.read_bytes()


@pytest.fixture(scope="module")
def read_bytes(tmp_path_factory):
    path = tmp_path_factory.mktemp("container") / "given"

    def read(data: bytes, kind: str = "test"):
        path.write_bytes(data)
        return container.read(path, kind)

    return read


def with_header(header: object, body: bytes = bytes(64)) -> bytes:
    """A file with any header and a right checksum, laid out as the module's table says."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    start = -(-(32 + len(text)) // 64) * 64
    total = start + len(body)
    whole = bytearray(struct.pack("<8sIIQII", b"\x89STOLCKE", 1, len(text), total, 0, 0) + text)
    whole += bytes(start - len(whole)) + body
    whole[24:28] = struct.pack("<I", zlib.crc32(whole))
    return bytes(whole)


@given(
    arrays=st.dictionaries(
        st.text(max_size=5),
        st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0))),
        max_size=4,
    ),
    meta=st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5) | st.none(), max_size=3),
)
def test_what_is_written_is_read(arrays, meta, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "round_trip"
    container.write(path, "kind", meta, arrays)
    got_meta, got = container.read(path, "kind")
    assert got_meta == meta
    assert list(got) == list(arrays)
    for name, array in arrays.items():
        assert got[name].dtype == array.dtype
        assert got[name].shape == array.shape
        assert got[name].tobytes() == array.tobytes()


def test_arrays_are_aligned_read_only_views(read_bytes, image):
    _, arrays = read_bytes(image)
    for array in arrays.values():
        assert not array.flags.owndata
        assert not array.flags.writeable
        assert array.size == 0 or array.ctypes.data % 64 == 0
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_any_byte_order_and_stride_is_written_as_the_same_values(tmp_path):
    values = np.arange(12).reshape(3, 4)
    container.write(tmp_path / "f", "k", {}, {"big": values.astype(">i4"), "strided": values[::2, ::-1]})
    _, arrays = container.read(tmp_path / "f", "k")
    assert arrays["big"].tolist() == values.tolist()
    assert arrays["strided"].tolist() == values[::2, ::-1].tolist()


def test_equal_input_gives_equal_bytes(tmp_path, image):
    container.write(tmp_path / "f", "test", dict(reversed(META.items())), ARRAYS)
    assert (tmp_path / "f").read_bytes() == image


def test_every_truncation_is_noticed(read_bytes, image):
    for size in range(len(image)):
        with pytest.raises(FileFormatError, match="truncated" if size >= 8 else "not a file saved by stolcke"):
            read_bytes(image[:size])


def test_every_flipped_bit_is_noticed(read_bytes, image):
    for position in range(len(image)):
        for bit in (0, 3, 7):
            flipped = bytearray(image)
            flipped[position] ^= 1 << bit
            with pytest.raises(FileFormatError):
                read_bytes(bytes(flipped))


@given(st.data())
def test_random_damage_is_noticed(read_bytes, image, data):
    damaged = bytearray(image)
    start = data.draw(st.integers(0, len(image) - 1))
    patch = data.draw(st.binary(min_size=1, max_size=40))
    damaged[start : start + len(patch)] = patch
    if damaged != image:
        with pytest.raises(FileFormatError):
            read_bytes(bytes(damaged))


@given(st.binary(max_size=200))
def test_foreign_files_are_refused(read_bytes, data):
    ours = data.startswith(b"\x89STOLCKE")  # Hypothesis reads the source and knows the magic
    with pytest.raises(FileFormatError, match="truncated|version" if ours else "not a file saved by stolcke"):
        read_bytes(data)


def test_more_bytes_than_it_says_are_refused(read_bytes, image):
    with pytest.raises(FileFormatError, match="goes on after its end"):
        read_bytes(image + b"\0")


def test_another_kind_is_refused_by_name(read_bytes, image):
    with pytest.raises(FileFormatError, match="holds a test, not a grammar"):
        read_bytes(image, "grammar")


def test_another_version_is_refused_by_number(read_bytes, image):
    newer = image[:8] + struct.pack("<I", 2) + image[12:]
    with pytest.raises(FileFormatError, match="version 2; this is written by a newer"):
        read_bytes(newer)


@pytest.mark.parametrize("field", [(12, "<I", 2**32 - 1), (16, "<Q", 2**63)])
def test_absurd_lengths_allocate_nothing(read_bytes, image, field):
    offset, code, value = field
    damaged = bytearray(image)
    struct.pack_into(code, damaged, offset, value)
    with pytest.raises(FileFormatError, match=r"truncated|header"):
        read_bytes(bytes(damaged))


ENTRY = {"name": "a", "dtype": "<i4", "shape": [4], "offset": 0}


def test_the_hand_made_header_is_right_when_nothing_is_wrong(read_bytes):
    _, arrays = read_bytes(with_header({"kind": "test", "meta": {}, "arrays": [ENTRY]}))
    assert arrays["a"].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        [],
        {"kind": "test"},
        {"kind": "test", "meta": 3, "arrays": []},
        {"kind": "test", "meta": {}, "arrays": 3},
        *(
            {"kind": "test", "meta": {}, "arrays": [ENTRY | change]}
            for change in (
                {"name": []},
                {"dtype": "O"},
                {"dtype": "<i4,<i4"},
                {"dtype": []},
                {"shape": [-4]},
                {"shape": [17]},
                {"shape": [2**62, 4]},
                {"shape": [2.0]},
                {"shape": 4},
                {"shape": [0] * 1000},
                {"offset": 4},
                {"offset": 64},
                {"offset": -64},
                {"offset": "0"},
            )
        ),
    ],
)
def test_ill_made_headers_with_a_right_checksum_are_refused(read_bytes, header):
    with pytest.raises(FileFormatError, match="malformed header"):
        read_bytes(with_header(header))


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "f"
    container.write(path, "k", {"n": 1}, {})

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        container.write(path, "k", {"n": 2}, {})
    assert os.listdir(tmp_path) == ["f"]
    assert container.read(path, "k")[0] == {"n": 1}


def test_only_plain_numbers_are_written(tmp_path):
    for array in (np.array([object()]), np.array(["text"]), np.array([1j])):
        with pytest.raises(TypeError, match="'a' has dtype"):
            container.write(tmp_path / "f", "k", {}, {"a": array})
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_not_there_is_an_ordinary_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        container.read(tmp_path / "none", "k")
