"""FLAC files that were cut off: their length is put into their header, so that every program opens them.

The clauses named are those of RFC 9639.
"""

from __future__ import annotations

from dataclasses import dataclass

MAGIC = b"fLaC"
_TOTAL = slice(21, 26)
"""Where the total number of samples stands (36 bits; the first four share a byte), clause 8.2."""

HEADER_BYTES = 42
"""The magic code and the first block of metadata, which must be STREAMINFO."""

_LOOK_BACK = 1 << 20
"""Far more than a frame of 24-bit stereo takes."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A FLAC file that opens, and what was cut from its end.

    Attributes
    ----------
    data : bytes
        The file up to its last whole frame, with its length in its header.
    rest : bytes
        What came after.
    samples : int
        Per channel.
    """

    data: bytes
    rest: bytes
    samples: int


def mend(data: bytes) -> Mended | None:
    """Return a FLAC file of fixed block size with its length in its header; None where there is no sound.

    A file that was closed is returned as it is.
    """
    if not data.startswith(MAGIC) or len(data) < HEADER_BYTES:
        return None
    known = int.from_bytes(data[_TOTAL]) & (1 << 36) - 1
    if known:
        return Mended(data, b"", known)
    block = int.from_bytes(data[8:10])
    found = _last_frame(data, block)
    if found is None:
        return None
    end, samples = found
    kept = bytearray(data[:end])
    kept[_TOTAL] = (int.from_bytes(data[_TOTAL]) >> 36 << 36 | samples).to_bytes(5)
    return Mended(bytes(kept), data[end:], samples)


def _last_frame(data: bytes, block: int) -> tuple[int, int] | None:
    """Return where the last whole frame ends, and the number of samples up to there."""
    limit = len(data)
    ends = [limit]  # where a frame may end: at the end of the file, or where another begins
    while (place := data.rfind(b"\xff\xf8", max(HEADER_BYTES, len(data) - _LOOK_BACK), limit)) >= 0:
        limit = place + 1
        if (header := _header(data, place, block)) is None:
            continue
        number, size = header
        for end in ends:
            if _crc16(data[place : end - 2]) == int.from_bytes(data[end - 2 : end]):
                return end, number * block + size
        ends.append(place)
    return None


def _header(data: bytes, place: int, block: int) -> tuple[int, int] | None:
    """Return a frame's number and its samples, if a frame header stands at `place` (clause 9.1)."""
    lead = data[place + 4 : place + 5]
    if not lead:
        return None
    more = next((count for count in range(7) if not lead[0] << count & 0x80), 7)
    length = max(1, more)
    if more in {1, 7}:
        return None
    number = lead[0] & (0x7F >> more)
    for byte in data[place + 5 : place + 4 + length]:
        number = number << 6 | byte & 0x3F
    code = data[place + 2] >> 4
    extra = {6: 1, 7: 2}.get(code, 0) + {12: 1, 13: 2, 14: 2}.get(data[place + 2] & 15, 0)
    check = place + 4 + length + extra
    if check >= len(data) or _crc8(data[place:check]) != data[check]:
        return None
    if code in (6, 7):
        size = 1 + int.from_bytes(data[place + 4 + length : place + 4 + length + code - 5])
    else:
        size = block
    return number, size


def _crc8(data: bytes) -> int:
    """Return the check of a header: polynomial x⁸ + x² + x + 1."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ (0x07 if value & 0x80 else 0)) & 0xFF
    return value


def _crc16(data: bytes) -> int:
    """Return the check of a frame: polynomial x¹⁶ + x¹⁵ + x² + 1."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ (0x8005 if value & 0x8000 else 0)) & 0xFFFF
    return value
