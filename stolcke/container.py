"""The one file format of everything stolcke saves: vocabularies and compiled grammars.

A file is a fixed prefix, a header in JSON and numpy arrays, all little-endian:

====== ======= =====================================================
offset bytes   what
====== ======= =====================================================
0      8       magic ``\\x89STOLCKE``
8      4       format version, now 1
12     4       length of the header
16     8       length of the whole file
24     4       CRC-32 of the whole file, these four bytes taken as zero
28     4       zero
32     ...     header: ``{"kind": ..., "meta": ..., "arrays": [...]}``
...    ...     arrays, each beginning at a multiple of 64 bytes
====== ======= =====================================================

A file is read into one private buffer and its arrays are views of it: nothing
is copied or converted, and what was checked cannot change under a reader, as
it could in a mapped file.  Nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stolcke.errors import FileFormatError

__all__ = ["VERSION", "read", "write"]

VERSION = 1
_MAGIC = b"\x89STOLCKE"
_PREFIX = struct.Struct("<8sIIQII")
_CHECKSUM_AT = 24
_ALIGNMENT = 64
_DTYPES = frozenset({"|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8"})


def write(path: str | os.PathLike[str], kind: str, meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a file, whole or not at all.

    The bytes go to a new file in the same folder that then takes the place of
    ``path``.  Equal input gives equal bytes.

    Parameters
    ----------
    path : path
        The file; one that exists is replaced.
    kind : str
        What the file holds, such as ``"vocabulary"``; `read` asks for it again.
    meta : mapping
        Whatever JSON can hold.
    arrays : mapping of str to numpy.ndarray
        Booleans, integers, ``float32`` or ``float64`` of any shape.

    Raises
    ------
    TypeError
        ``meta`` is not JSON, or an array has another dtype.
    OSError
        The file cannot be written.
    """
    entries, blocks, end = [], [], 0
    for name, array in arrays.items():
        # ascontiguousarray would give an array of no dimension one.
        block = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
        if block.dtype.str not in _DTYPES:
            raise TypeError(f"array {name!r} has dtype {array.dtype}, which a saved file cannot hold")
        start = _aligned(end)
        entries.append({"name": name, "dtype": block.dtype.str, "shape": block.shape, "offset": start})
        blocks.append((start, block))
        end = start + block.nbytes
    header = json.dumps(
        {"kind": kind, "meta": dict(meta), "arrays": entries}, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode()
    base = _aligned(_PREFIX.size + len(header))
    # Offsets in the header count from the first array, so that they do not depend on its own length.
    image = np.zeros(base + end, dtype=np.uint8)
    image[: _PREFIX.size] = np.frombuffer(_PREFIX.pack(_MAGIC, VERSION, len(header), image.size, 0, 0), np.uint8)
    image[_PREFIX.size : _PREFIX.size + len(header)] = np.frombuffer(header, np.uint8)
    for start, block in blocks:
        image[base + start : base + start + block.nbytes] = np.frombuffer(block.tobytes(), np.uint8)
    struct.pack_into("<I", image.data, _CHECKSUM_AT, zlib.crc32(image.data))
    _replace(Path(path), image)


def read(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a file that `write` wrote.

    Parameters
    ----------
    path : path
        The file.
    kind : str
        The kind it must be of.

    Returns
    -------
    meta : dict
        As it was given to `write`.
    arrays : dict of str to numpy.ndarray
        Read-only views, aligned to 64 bytes, of one buffer that holds the file.

    Raises
    ------
    FileFormatError
        The file is not ours, of another format version or kind, truncated or
        damaged; a single changed bit is noticed.
    OSError
        The file cannot be opened or read.
    """
    name = os.fspath(path)
    with open(path, "rb") as stream:
        prefix = stream.read(_PREFIX.size)
        if not prefix.startswith(_MAGIC):
            raise FileFormatError(f"{name}: not a file saved by stolcke")
        if len(prefix) < _PREFIX.size:
            raise FileFormatError(f"{name}: truncated: only {len(prefix)} bytes")
        _, version, header_size, total, checksum, _ = _PREFIX.unpack(prefix)
        if version != VERSION:
            age = "a newer" if version > VERSION else "another"
            raise FileFormatError(
                f"{name}: format version {version}; this is written by {age} version of stolcke, "
                f"this one reads {VERSION}"
            )
        # What is allocated is bounded by the file's true size, not by what the file says.
        size = os.fstat(stream.fileno()).st_size
        if size != total:
            what = "truncated" if size < total else "damaged: it goes on after its end"
            raise FileFormatError(f"{name}: {what}: {size} bytes where it says {total}")
        if _PREFIX.size + header_size > total:
            raise FileFormatError(f"{name}: damaged: a header of {header_size} bytes in a file of {total}")
        image = _aligned_buffer(total)
        stream.seek(0)
        if stream.readinto(image.data) != total:
            raise FileFormatError(f"{name}: truncated while it was read")
    image[_CHECKSUM_AT : _CHECKSUM_AT + 4] = 0
    if zlib.crc32(image.data) != checksum:
        raise FileFormatError(f"{name}: damaged: its checksum does not match its content")
    image.flags.writeable = False
    try:
        header = json.loads(image[_PREFIX.size : _PREFIX.size + header_size].tobytes())
        found, meta = header["kind"], header["meta"]
        body = image[_aligned(_PREFIX.size + header_size) :]
        if found == kind:
            return dict(meta), {entry["name"]: _view(body, entry) for entry in header["arrays"]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        # Only a file made on purpose comes here: its checksum is right.
        raise FileFormatError(f"{name}: malformed header: {error}") from error
    raise FileFormatError(f"{name}: holds a {found}, not a {kind}")


def _aligned(size: int) -> int:
    """Round up to the next place where an array may begin."""
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _aligned_buffer(size: int) -> np.ndarray:
    """Return uninitialised ``uint8[size]`` whose address is a multiple of 64."""
    room = np.empty(size + _ALIGNMENT, dtype=np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    return room[start : start + size]


def _view(body: np.ndarray, entry: Mapping[str, Any]) -> np.ndarray:
    """Return one array of the file as a view, having checked that it lies inside."""
    name, shape, offset = entry["name"], entry["shape"], entry["offset"]
    if entry["dtype"] not in _DTYPES:
        raise ValueError(f"array {name!r} has dtype {entry['dtype']!r}")
    dtype = np.dtype(entry["dtype"])
    if not all(type(n) is int and n >= 0 for n in (*shape, offset)):
        raise ValueError(f"array {name!r} has shape {shape} at {offset}")
    nbytes = math.prod(shape) * dtype.itemsize
    if offset % _ALIGNMENT or offset + nbytes > body.size:
        raise ValueError(f"array {name!r} of {nbytes} bytes at {offset} lies outside the file")
    return body[offset : offset + nbytes].view(dtype).reshape(shape)


def _replace(path: Path, image: np.ndarray) -> None:
    """Put bytes in the place of a file in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with open(temporary, "xb") as stream:
            stream.write(image.data)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
