"""Which reader a recording needs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from acquisition.csvfile import read_csv
from acquisition.edffile import read_edf
from acquisition.errors import SourceError
from acquisition.opensignals import FIRST_LINE as OPENSIGNALS_FIRST_LINE
from acquisition.opensignals import read_opensignals
from acquisition.series import Series
from acquisition.simpletext import FIRST_LINE as SIMPLE_TEXT_FIRST_LINE
from acquisition.simpletext import RrText, read_simple_text
from acquisition.spec import RecordingSpec, is_wfdb
from acquisition.streams import Kind
from acquisition.tables import open_text
from acquisition.wfdbfile import read_wfdb
from acquisition.xdffile import read_xdf


class RecordedFile(Protocol):
    """A file that signals can be read from."""

    def series(self, spec: RecordingSpec) -> Series:
        """Return the signal a specification asks for, whole.

        Raises
        ------
        SourceError
            Naming what is wrong, and where.
        """
        ...


def open_recording(path: Path) -> RecordedFile:
    """Open a recording with the reader its name and, of text, its first line ask for.

    Raises
    ------
    SourceError
        If it does not exist or cannot be read.
    """
    if is_wfdb(path):
        return read_wfdb(path)
    if path.is_dir():
        raise SourceError(f"{path} is a directory, not a recording")
    if not path.exists():
        raise SourceError(f"{path} does not exist")
    if path.suffix.lower() == ".xdf":
        return read_xdf(path)
    if path.suffix.lower() == ".edf":
        return read_edf(path)
    return _read_text(path)


def _read_text(path: Path) -> RecordedFile:
    with open_text(path) as file:
        first_line = file.readline(200)
    if first_line.startswith(OPENSIGNALS_FIRST_LINE):
        return read_opensignals(path)
    if first_line.startswith(SIMPLE_TEXT_FIRST_LINE):
        return read_simple_text(path)
    return _Either(path) if ".txt" in path.suffixes else read_csv(path)


class _Either:
    """A text file without a header of its own: a list of RR intervals, if asked for them, or a table."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def series(self, spec: RecordingSpec) -> Series:
        """Return the signal."""
        if spec.kind is Kind.RR and spec.column is None:
            return RrText(self._path).series(spec)
        return read_csv(self._path).series(spec)
