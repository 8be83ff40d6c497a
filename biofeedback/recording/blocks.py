"""Recordings read a block at a time: as long as they like, in memory that does not grow with them."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from biofeedback.errors import RecordingError
from biofeedback.recording import xdf
from biofeedback.recording.recorder import XDF_NAME

BLOCK_SAMPLES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredStream:
    """One stream of a file that is open; its samples are read when they are asked for.

    Attributes
    ----------
    header : StreamHeader
        As declared.
    closed : bool
        Whether its footer is there.
    data : memoryview
        The file.
    places : array of int
        Where the content of each of its Samples chunks begins and ends, in turn.
    """

    header: xdf.StreamHeader
    closed: bool
    data: memoryview
    places: array[int]

    def blocks(self, samples: int = BLOCK_SAMPLES) -> Iterator[tuple[xdf.FloatArray, xdf.FloatArray]]:
        """Yield stamps and samples of a stream of numbers, shapes (n,) and (n, channels), n about `samples`.

        Raises
        ------
        RecordingError
            If a chunk is not as this program writes it.
        """
        width = 9 + 8 * len(self.header.labels)
        gathered: list[memoryview] = []
        size = 0
        for start, stop in self._contents():
            gathered.append(self.data[start:stop])
            size += stop - start
            if size >= samples * width:
                yield self._numbers(gathered)
                gathered, size = [], 0
        if gathered:
            yield self._numbers(gathered)

    def texts(self) -> tuple[xdf.FloatArray, tuple[str, ...]]:
        """Return stamps and texts of a stream of text, all of them.

        Raises
        ------
        RecordingError
            If a chunk is not as this program writes it.
        """
        try:
            pairs = [
                pair for start, stop in self._contents() for pair in xdf.decode_texts(self.data[start:stop])
            ]
        except ValueError as error:
            raise self._damaged(error) from None
        return np.array([time for time, _ in pairs], dtype=np.float64), tuple(text for _, text in pairs)

    def last_s(self) -> float | None:
        """Return the stamp of the last sample; None where there is none."""
        if not self.places:
            return None
        content = self.data[self.places[-2] : self.places[-1]]
        if self.header.text:
            *_, (last, _) = xdf.decode_texts(content)
            return last
        return float(self._numbers([content])[0][-1])

    def _contents(self) -> Iterator[tuple[int, int]]:
        return zip(self.places[::2], self.places[1::2], strict=True)

    def _numbers(self, blocks: list[memoryview]) -> tuple[xdf.FloatArray, xdf.FloatArray]:
        try:
            return xdf.decode_numbers(self.header, blocks)
        except ValueError as error:
            raise self._damaged(error) from None

    def _damaged(self, error: ValueError) -> RecordingError:
        return RecordingError(f"stream {self.header.name!r} cannot be read: {error}")


def open_streams(directory: Path) -> Mapping[str, StoredStream]:
    """Return every stream of a session's recording by its name, read up to the last whole chunk.

    Raises
    ------
    RecordingError
        If there is no recording in `directory`, or it cannot be read.
    """
    path = directory / XDF_NAME
    try:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        streams = list(_indexed(data))
    except FileNotFoundError:
        raise RecordingError(f"{path} is missing: the session ended before its recording began") from None
    except KeyError as error:
        raise RecordingError(f"{path} cannot be read: a stream header lacks {error}") from None
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path} cannot be read: {error}") from None
    return {stream.header.name: stream for stream in streams}


def _indexed(data: memoryview) -> Iterator[StoredStream]:
    if bytes(data[: len(xdf.MAGIC)]) != xdf.MAGIC:
        raise ValueError("it does not begin with 'XDF:'")
    headers: dict[int, xdf.StreamHeader] = {}
    places: dict[int, array[int]] = {}
    closed: set[int] = set()
    for tag, start, stop in xdf.chunk_places(data):
        if tag not in (xdf.Tag.STREAM_HEADER, xdf.Tag.SAMPLES, xdf.Tag.STREAM_FOOTER):
            continue
        stream_id = int.from_bytes(data[start : start + 4], "little")
        if tag == xdf.Tag.STREAM_HEADER:
            headers[stream_id] = xdf.parse_header(data[start + 4 : stop])
            places[stream_id] = array("Q")
        elif stream_id not in headers:
            raise ValueError(f"stream {stream_id} has samples or a footer but no header")
        elif tag == xdf.Tag.SAMPLES:
            places[stream_id].extend((start + 4, stop))
        else:
            closed.add(stream_id)
    for stream_id, header in headers.items():
        yield StoredStream(header=header, closed=stream_id in closed, data=data, places=places[stream_id])
