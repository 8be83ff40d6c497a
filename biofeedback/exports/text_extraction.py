"""All texts in a file of an export, wherever its format keeps any."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree as ET

import edfio
import mido
import pyarrow as pa
import pyarrow.parquet as pq

from biofeedback.recording import xdf

BLOCK_BYTES = 4_000_000

GZIP_NAME = 0x08
EDF_START = b"01.01.8500.00.00"
"""What stands for an unknown start in an EDF header (clause 2.1.3.3 of EDF+)."""

_SOUND_ITSELF = {b"fmt ", b"data", b"fact", b"ds64"}
_FLAC_SOUND = {0, 3}  # STREAMINFO, SEEKTABLE


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...

    def readline(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class TextPassage:
    """Some text of a file and where it stands there."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class FormatLeak:
    """What a file gives away by its form: a date in a header, a file's name."""

    what: str


@dataclass(frozen=True, slots=True)
class ColumnRange:
    """Least and greatest value of a column of numbers."""

    where: str
    low: float
    high: float


def extract_texts(path: Path) -> Iterator[TextPassage | FormatLeak | ColumnRange]:
    """Yield what can tell something in a file.

    Raises
    ------
    OSError, ValueError
        If it is not what its name says, or damaged.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is not None:
        yield from reader(path)
        return
    with path.open("rb") as file:
        yield from _texts(file, "text")


def _texts(file: _Readable, where: str) -> Iterator[TextPassage]:
    """Yield a file's text in blocks of whole lines; what is not UTF-8 is read as other encodings too."""
    yield from _decoded(file.readline(), where)  # names of columns, apart from the numbers below them
    rest = b""
    while block := file.read(BLOCK_BYTES):
        block = rest + block
        end = block.rfind(b"\n") + 1 or len(block)
        rest = block[end:]
        yield from _decoded(block[:end], where)
    yield from _decoded(rest, where)


def _decoded(data: bytes, where: str) -> Iterator[TextPassage]:
    try:
        yield TextPassage(where, data.decode("utf-8"))
    except UnicodeDecodeError:
        yield TextPassage(where, data.decode("utf-8", errors="replace"))
        yield TextPassage(where, data.decode("latin-1"))
    if b"\0" in data:
        for encoding in ("utf-16-le", "utf-16-be"):
            yield TextPassage(where, data.decode(encoding, errors="replace"))


def _gzip(path: Path) -> Iterator[TextPassage | FormatLeak]:
    with path.open("rb") as file:
        header = file.read(10)
    if len(header) < 10 or header[3] & GZIP_NAME:
        yield FormatLeak("the gzip header names a file")
    if any(header[4:8]):
        yield FormatLeak("the gzip header holds a time")
    with gzip.open(path, "rb") as file:
        yield from _texts(file, "compressed text")


def _parquet(path: Path) -> Iterator[TextPassage | ColumnRange]:
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        for key, value in (schema.metadata or {}).items():
            yield from _decoded(key + b" " + value, "metadata")
        for index, field in enumerate(schema):
            yield TextPassage("names of columns", field.name)
            for key, value in (field.metadata or {}).items():
                yield from _decoded(key + b" " + value, f"metadata of column {field.name}")
            for group in range(file.metadata.num_row_groups):
                figures = file.metadata.row_group(group).column(index).statistics
                if figures is not None and figures.has_min_max and isinstance(figures.max, float | int):
                    yield ColumnRange(f"column {field.name}", float(figures.min), float(figures.max))
        words = [field.name for field in schema if pa.types.is_string(field.type)]
        for batch in file.iter_batches(columns=words) if words else ():
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                yield TextPassage(
                    f"column {name}", "\n".join(f'"{text}"' for text in column.to_pylist() if text)
                )


def _edf(path: Path) -> Iterator[TextPassage | FormatLeak]:
    with path.open("rb") as file:
        header = file.read(256)
        if header[168:184] != EDF_START:
            yield FormatLeak("the header holds a date or a time of day")
        yield from _decoded(header[:168], "header")
        yield from _decoded(file.read(int(header[184:192]) - 256), "header")
    for annotation in edfio.read_edf(path).annotations:
        yield TextPassage("annotations", annotation.text)


def _midi(path: Path) -> Iterator[TextPassage]:
    for track in mido.MidiFile(path).tracks:
        for message in track:
            for value in message.dict().values():
                if isinstance(value, str):
                    # mido reads bytes as Latin-1
                    yield from _decoded(value.encode("latin-1", errors="replace"), "text events")
                elif isinstance(value, tuple) and message.type in {"sysex", "sequencer_specific"}:
                    yield from _decoded(bytes(value), "events of a maker")


def _flac(path: Path) -> Iterator[TextPassage]:
    with path.open("rb") as file:
        if file.read(4) != b"fLaC":
            raise ValueError("it is not a FLAC file")
        last = False
        while not last:
            head = file.read(4)
            if len(head) < 4:
                raise ValueError("its metadata is cut off")
            last, kind = head[0] >= 0x80, head[0] & 0x7F
            data = file.read(int.from_bytes(head[1:], "big"))
            if kind not in _FLAC_SOUND:
                yield from _decoded(data, "tags")


def _wav(path: Path) -> Iterator[TextPassage]:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(12)
        while file.tell() + 8 <= size:
            head = file.read(8)
            length = int.from_bytes(head[4:], "little")
            if head[:4] in _SOUND_ITSELF:
                if length == 0xFFFFFFFF:  # RF64: the data are the rest
                    return
                file.seek(length + length % 2, 1)
            else:
                yield from _decoded(head[:4] + b" " + file.read(length + length % 2), "tags")


def _xdf(path: Path) -> Iterator[TextPassage]:
    text_streams: set[bytes] = set()
    for tag, content in xdf.chunks(path.read_bytes()):
        data = bytes(content)
        if tag == xdf.Tag.FILE_HEADER:
            yield from _decoded(data, "file header")
        elif tag in (xdf.Tag.STREAM_HEADER, xdf.Tag.STREAM_FOOTER):
            if ET.fromstring(data[4:]).findtext("channel_format") == "string":  # noqa: S314 - see xdf.py
                text_streams.add(data[:4])
            yield from _decoded(data[4:], "headers")
        elif tag == xdf.Tag.SAMPLES and data[:4] in text_streams:
            yield from _decoded(data[4:], "samples")


_READERS = {
    ".gz": _gzip,
    ".parquet": _parquet,
    ".edf": _edf,
    ".mid": _midi,
    ".flac": _flac,
    ".wav": _wav,
    ".xdf": _xdf,
}
