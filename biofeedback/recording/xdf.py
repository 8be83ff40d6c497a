"""The XDF 1.0 file format: chunks to bytes and back.

Pure functions; nothing here opens a file or knows what a session is. The clauses named are those of the
specification, https://github.com/sccn/xdf/wiki/Specifications.

Two choices of ours within it: every sample carries its time stamp (the specification lets regular streams
leave it out, readers then deduce it, and a gap would vanish), and numbers are always ``double64``, so that
what is read is what was computed. Text and numbers alike depend on nothing but the arguments: no clock, host
name or random identifier enters the file.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MAGIC = b"XDF:"
BOUNDARY_UUID = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")
_XML_DECLARATION = '<?xml version="1.0"?>'
_NOT_IN_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Tag(IntEnum):
    """What a chunk is."""

    FILE_HEADER = 1
    STREAM_HEADER = 2
    SAMPLES = 3
    CLOCK_OFFSET = 4
    BOUNDARY = 5
    STREAM_FOOTER = 6


class NumberBlock(NamedTuple):
    """Stamps in seconds, shape (n,), and samples, shape (n, channels)."""

    times: FloatArray
    samples: FloatArray


class TextBlock(NamedTuple):
    """Stamps in seconds, shape (n,), and as many texts."""

    times: FloatArray
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHeader:
    """A stream as its header declares it.

    Attributes
    ----------
    name, kind : str
        The XDF ``name`` and ``type``.
    source_id : str
        Where the samples come from, the same from one session to the next.
    rate_hz : float
        Nominal rate; 0 for irregular streams.
    labels, units : tuple of str
        One per channel.
    text : bool
        Whether the samples are strings (one channel) instead of numbers.
    desc : mapping of str to str
        Further elements of ``desc``, by name.
    """

    name: str
    kind: str
    source_id: str
    rate_hz: float = 0.0
    labels: tuple[str, ...]
    units: tuple[str, ...]
    text: bool = False
    desc: Mapping[str, str] = field(default_factory=dict)


def varlen(value: int) -> bytes:
    """Return a length in the shortest of its three forms: one byte counting 1, 4 or 8, then the number."""
    if value < 2**8:
        return struct.pack("<BB", 1, value)
    if value < 2**32:
        return struct.pack("<BI", 4, value)
    return struct.pack("<BQ", 8, value)


def chunk(tag: Tag, content: bytes) -> bytes:
    """Return a chunk: length of what follows, tag, content."""
    return varlen(2 + len(content)) + struct.pack("<H", tag) + content


def file_header() -> bytes:
    """Return the magic code and the FileHeader chunk, with which a file begins."""
    return MAGIC + chunk(Tag.FILE_HEADER, _xml({"version": "1.0"}))


def stream_header(stream_id: int, header: StreamHeader) -> bytes:
    """Return a StreamHeader chunk.

    Raises
    ------
    ValueError
        If a text holds a character that XML cannot.
    """
    info = _element(
        "info",
        {
            "name": header.name,
            "type": header.kind,
            "channel_count": str(len(header.labels)),
            "nominal_srate": repr(header.rate_hz),
            "channel_format": "string" if header.text else "double64",
            "source_id": header.source_id,
        },
    )
    desc = ET.SubElement(info, "desc")
    channels = ET.SubElement(desc, "channels")
    for label, unit in zip(header.labels, header.units, strict=True):
        channels.append(_element("channel", {"label": label, "unit": unit, "type": header.kind}))
    desc.extend([_element(name, text) for name, text in header.desc.items()])
    return chunk(Tag.STREAM_HEADER, _stream_id(stream_id) + _serialise(info))


def numeric_samples(times: FloatArray, samples: FloatArray) -> bytes:
    """Return samples with their stamps, to be gathered into a Samples chunk.

    Parameters
    ----------
    times : ndarray, float64, shape (n,)
        Seconds.
    samples : ndarray, float64, shape (n, channels)
        Any value, NaN and infinities included.
    """
    records = np.empty(times.shape[0], dtype=_record(samples.shape[1]))
    records["stamp_bytes"] = 8
    records["stamp"] = times
    records["values"] = samples
    return records.tobytes()


def text_sample(time_s: float, text: str) -> bytes:
    """Return one sample of a stream of text with its stamp.

    Raises
    ------
    ValueError
        If `text` is not Unicode (lone surrogates).
    """
    content = text.encode("utf-8")
    return struct.pack("<Bd", 8, time_s) + varlen(len(content)) + content


def samples_chunk(stream_id: int, count: int, samples: bytes) -> bytes:
    """Return a Samples chunk of `count` samples, encoded by `numeric_samples` or `text_sample`."""
    return chunk(Tag.SAMPLES, _stream_id(stream_id) + varlen(count) + samples)


def boundary() -> bytes:
    """Return a Boundary chunk, from which readers go on after damage."""
    return chunk(Tag.BOUNDARY, BOUNDARY_UUID)


def stream_footer(stream_id: int, *, first_s: float | None, last_s: float | None, count: int) -> bytes:
    """Return a StreamFooter chunk; a stream without samples has no first and last stamp."""
    stamps = {"first_timestamp": first_s, "last_timestamp": last_s}
    info = {name: repr(stamp) for name, stamp in stamps.items() if stamp is not None}
    return chunk(Tag.STREAM_FOOTER, _stream_id(stream_id) + _xml({**info, "sample_count": str(count)}))


def chunk_places(view: memoryview) -> Iterator[tuple[Tag, int, int]]:
    """Yield tag, begin and end of the content of each whole chunk of a file, up to the first that is not.

    Whatever cut the file off, each complete chunk before the cut is found and nothing after it is guessed.
    """
    position = len(MAGIC)
    while True:
        try:
            length, start = _read_varlen(view, position)
            (tag,) = struct.unpack_from("<H", view, start)
            kind = Tag(tag)
        except (ValueError, struct.error):
            return
        position = start + length
        if position > len(view):
            return
        yield kind, start + 2, position


def decode_numbers(header: StreamHeader, blocks: Sequence[memoryview]) -> NumberBlock:
    """Return stamps and samples from Samples chunks after the stream id.

    Raises
    ------
    ValueError
        If a chunk does not hold what it says, or a sample has no stamp.
    """
    record = _record(len(header.labels))
    # Joined as bytes: NumPy takes far longer to join arrays of records.
    records = np.frombuffer(b"".join([_records(block, record.itemsize) for block in blocks]), dtype=record)
    if not np.all(records["stamp_bytes"] == 8):
        raise ValueError(f"stream {header.name!r} has samples without a time stamp")
    return NumberBlock(
        np.array(records["stamp"], dtype=np.float64), np.array(records["values"], dtype=np.float64)
    )


def _records(block: memoryview, size: int) -> memoryview:
    count, start = _read_varlen(block, 0)
    if len(block) - start != count * size:
        raise ValueError(f"a chunk of {count} samples has {len(block) - start} bytes of samples")
    return block[start:]


def decode_texts(block: memoryview) -> Iterator[tuple[float, str]]:
    """Yield stamp and text of each sample, from a Samples chunk's content after the stream id."""
    count, position = _read_varlen(block, 0)
    for _ in range(count):
        stamp_bytes, time = struct.unpack_from("<Bd", block, position)
        if stamp_bytes != 8:
            raise ValueError("a text has no time stamp")
        length, start = _read_varlen(block, position + 9)
        position = start + length
        yield time, str(block[start:position], "utf-8")


@lru_cache
def _record(channels: int) -> np.dtype[np.void]:
    """Return the layout of one numeric sample: [TimeStampBytes] [TimeStamp] [Value 1] … [Value N]."""
    return np.dtype([("stamp_bytes", "u1"), ("stamp", "<f8"), ("values", "<f8", (channels,))])


def _read_varlen(view: memoryview, position: int) -> tuple[int, int]:
    """Return a length and the position after it."""
    (size,) = struct.unpack_from("<B", view, position)
    if size not in (1, 4, 8):
        raise ValueError(f"a length of {size} bytes does not exist in XDF")
    (value,) = struct.unpack_from({1: "<B", 4: "<I", 8: "<Q"}[size], view, position + 1)
    return int(value), position + 1 + size


def _stream_id(stream_id: int) -> bytes:
    return struct.pack("<I", stream_id)


def parse_header(content: memoryview) -> StreamHeader:
    """Return the header of a stream, from its chunk's content after the stream id.

    Raises
    ------
    KeyError, ValueError
        If something is missing, or this is not how `stream_header` writes it.
    """
    info = _parse(content)
    text = {child.tag: child.text or "" for child in info}
    if (stored := text["channel_format"]) not in ("double64", "string"):
        raise ValueError(f"stream {text['name']!r} is stored as {stored}; only double64 and string are read")
    channels = info.findall("desc/channels/channel")
    return StreamHeader(
        name=text["name"],
        kind=text["type"],
        source_id=text["source_id"],
        rate_hz=float(text["nominal_srate"]),
        labels=tuple(channel.findtext("label", "") for channel in channels),
        units=tuple(channel.findtext("unit", "") for channel in channels),
        text=stored == "string",
        desc={child.tag: child.text or "" for child in info.iterfind("desc/*") if child.tag != "channels"},
    )


def _parse(content: memoryview) -> ET.Element:
    try:
        return ET.fromstring(bytes(content))  # noqa: S314 - expat bounds entity expansion since 2.4.1
    except ET.ParseError as error:
        raise ValueError(f"its XML cannot be read: {error}") from None


def _xml(fields: Mapping[str, str]) -> bytes:
    return _serialise(_element("info", fields))


def _element(tag: str, content: str | Mapping[str, str]) -> ET.Element:
    element = ET.Element(tag)
    if isinstance(content, str):
        if found := _NOT_IN_XML.search(content):
            raise ValueError(f"{content!r} holds the character {found[0]!r}, which XDF headers cannot")
        element.text = content
    else:
        element.extend([_element(name, text) for name, text in content.items()])
    return element


def _serialise(element: ET.Element) -> bytes:
    return (_XML_DECLARATION + ET.tostring(element, encoding="unicode")).encode()
