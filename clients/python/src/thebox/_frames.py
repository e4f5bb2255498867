"""The compact binary stream, as docs/sensory-formats.md has it byte by byte.

Reading needs the standard library alone; numpy is imported where an array is made.
"""

from __future__ import annotations

import json
import os
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Protocol, Union

from ._errors import CorruptStream

if TYPE_CHECKING:
    import numpy

_MAGIC = b"TBXSTRM1"
_FRAME = struct.Struct("<4sIIIQ")
_MAX_JSON = 16 * 1024 * 1024
_MAX_PIXELS = 1 << 32


class Source(Protocol):
    """Where bytes come from: a file, or an HTTP answer."""

    def readinto(self, buffer: memoryview, /) -> int: ...


class CutOff(Exception):
    """The bytes ended before the stream did."""


@dataclass(frozen=True)
class Header:
    """What all samples of a stream have in common."""

    name: str
    width: int
    height: int
    categories: List[str]


@dataclass(frozen=True)
class End:
    """The end of a stream that was not cut off; ``ended`` is false where there is more beyond ``cursor``."""

    cursor: str
    ended: bool


@dataclass(frozen=True)
class Batch:
    """Some samples with their labels."""

    header: Header = field(repr=False)
    epoch: int
    #: How many samples of the epoch this worker had before this batch.
    position: int
    #: Where to go on after this batch: ``thebox.stream(url, key, cursor=batch.cursor)``. Empty in an order's file.
    cursor: str = field(repr=False)
    size: int
    #: The labels as little-endian int32.
    label_bytes: bytearray = field(repr=False)
    #: The pixels, sample by sample, row by row.
    pixel_bytes: bytearray = field(repr=False)

    def __len__(self) -> int:
        return self.size

    @property
    def categories(self) -> List[str]:
        """The names that labels stand for."""
        return self.header.categories

    @property
    def data(self) -> "numpy.ndarray[Any, Any]":
        """The pixels as uint8 of shape (samples, height, width): a view of the bytes that came, writable."""
        import numpy

        return numpy.frombuffer(self.pixel_bytes, numpy.uint8).reshape(self.size, self.header.height, self.header.width)

    @property
    def labels(self) -> "numpy.ndarray[Any, Any]":
        """An index into ``categories`` for each sample, int32."""
        import numpy

        return numpy.frombuffer(self.label_bytes, numpy.dtype("<i4"))


def read_frames(source: Source) -> Iterator[Union[Batch, End]]:
    """Reads batches, then the end.

    Raises CutOff when the bytes end early, CorruptStream when they are something else.
    """
    header = _read_header(source)
    while True:
        kind, count, json_length, label_length, pixel_length = _FRAME.unpack(_read(source, _FRAME.size))
        if kind not in (b"BTCH", b"ENDS"):
            raise CorruptStream(f"Cannot read stream: a frame must be BTCH or ENDS, got {kind!r}")
        facts = _read_json(source, json_length)
        try:
            if kind == b"ENDS":
                yield End(str(facts.get("cursor", "")), bool(facts["ended"]))
                return
            expected = count * header.width * header.height
            if label_length != 4 * count or pixel_length != expected or expected > _MAX_PIXELS:
                raise CorruptStream(f"Cannot read stream: {count} samples have {expected} pixels, got {pixel_length}")
            batch = Batch(
                header=header,
                epoch=int(facts.get("epoch", 0)),
                position=int(facts["position"]),
                cursor=str(facts.get("cursor", "")),
                size=count,
                label_bytes=_read_padded(source, label_length),
                pixel_bytes=_read_padded(source, pixel_length),
            )
        except KeyError as error:
            raise CorruptStream(f"Cannot read stream: a frame lacks {error}") from error
        yield batch


def read_file(path: Union[str, "os.PathLike[str]"]) -> Iterator[Batch]:
    """The batches of an order's file of format ``stream``.

    Raises CorruptStream when the file is something else, or ends early.
    """
    with open(path, "rb") as file:
        try:
            for frame in read_frames(file):
                if isinstance(frame, Batch):
                    yield frame
        except CutOff:
            raise CorruptStream(f"Cannot read {os.fspath(path)} to its end: it was cut off") from None


def _read_header(source: Source) -> Header:
    head = _read(source, 16)
    if head[:8] != _MAGIC:
        raise CorruptStream(f"Cannot read stream: it must begin with {_MAGIC!r}, got {bytes(head[:8])!r}")
    facts = _read_json(source, int.from_bytes(head[8:12], "little"))
    if facts.get("dtype") != "uint8" or facts.get("channels") != 1:
        raise CorruptStream("Cannot read stream: samples must be uint8 of one channel; a newer client is needed")
    try:
        return Header(facts["name"], int(facts["width"]), int(facts["height"]), list(facts["categories"]))
    except KeyError as error:
        raise CorruptStream(f"Cannot read stream: its header lacks {error}") from error


def _read_json(source: Source, length: int) -> Dict[str, Any]:
    if length > _MAX_JSON:
        raise CorruptStream(f"Cannot read stream: JSON may have {_MAX_JSON} bytes, got {length}")
    try:
        value = json.loads(_read(source, length))
    except ValueError as error:
        raise CorruptStream(f"Cannot read stream: {error}") from error
    if not isinstance(value, dict):
        raise CorruptStream("Cannot read stream: its JSON must be an object")
    return value


def _read_padded(source: Source, length: int) -> bytearray:
    value = _read(source, length)
    padding = -length % 8
    if padding:
        _read(source, padding)
    return value


def _read(source: Source, length: int) -> bytearray:
    """Exactly so many bytes, read in place."""
    value = bytearray(length)
    view = memoryview(value)
    done = 0
    while done < length:
        count = source.readinto(view[done:])
        if not count:
            raise CutOff
        done += count
    return value
