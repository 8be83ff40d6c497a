"""Recordings in WFDB format (PhysioNet), read with wfdb."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from acquisition.errors import SourceError
from acquisition.files.series import Series, require_sampled, require_signal
from acquisition.spec import RecordingSpec
from acquisition.streams import FloatArray, channel_index, known_unit

FRAMES_AT_ONCE = 500_000


@dataclass(frozen=True, slots=True)
class WfdbRecord:
    """A WFDB record; its signals are read when they are asked for, its annotations are not used.

    Attributes
    ----------
    record : str
        Path without suffix.
    header : wfdb.Record
        The header as read by wfdb.
    """

    record: str
    header: Any

    def series(self, spec: RecordingSpec) -> Series:
        """Return one signal in its physical unit.

        Raises
        ------
        SourceError
            Naming the signals there are, or what is wrong with their file.
        """
        index = self._find(spec.column)
        label = str(self.header.sig_name[index])
        per_frame = int(self.header.samps_per_frame[index])
        rate_hz = float(self.header.fs) * per_frame
        where = f"{self.record}, signal {label!r}"
        require_sampled(spec.kind, spec.rate_hz, rate_hz, where)
        values = self._values(index, where)
        values[~np.isfinite(values)] = np.nan
        require_signal(values, where)
        return Series(
            label=label,
            unit=spec.unit or known_unit(str(self.header.units[index])),
            rate_hz=rate_hz,
            times=np.arange(values.size) / rate_hz,
            values=values,
        )

    def _find(self, column: str | None) -> int:
        names = [str(name) for name in self.header.sig_name]
        if (index := channel_index(names, column)) is not None:
            return index
        asked = f"no single signal {column!r}" if column is not None else f"{len(names)} signals: say which"
        raise SourceError(f"{self.record} has {asked}; it has {', '.join(names)}")

    def _values(self, index: int, where: str) -> FloatArray:
        import wfdb  # noqa: PLC0415 - it imports pandas, and only WFDB records need it

        frames = int(self.header.sig_len or 0)
        blocks: list[FloatArray] = []
        try:
            for first in range(0, frames, FRAMES_AT_ONCE):
                read = wfdb.rdrecord(
                    self.record,
                    sampfrom=first,
                    sampto=min(first + FRAMES_AT_ONCE, frames),
                    channels=[index],
                    smooth_frames=False,
                )
                blocks.append(np.asarray(read.e_p_signal[0], dtype=np.float64))
        except FileNotFoundError as error:
            raise SourceError(f"{where}: its file {error.filename} does not exist") from error
        except Exception as error:  # wfdb raises many types of error for damaged files
            raise SourceError(
                f"{where}: its file is damaged, or shorter than its header says "
                f"({type(error).__name__}: {_one_line(error)})"
            ) from error
        return np.concatenate(blocks) if blocks else np.empty(0)


def read_wfdb(path: Path) -> WfdbRecord:
    """Open a WFDB record by its header, its signal file, or its name without suffix.

    Raises
    ------
    SourceError
        If it has no header, or the header cannot be read.
    """
    record = str(path.with_suffix("") if path.suffix.lower() in {".hea", ".dat", ".mat"} else path)
    header = Path(f"{record}.hea")
    if not header.is_file():
        raise SourceError(f"{header} does not exist: a WFDB record needs its header")
    import wfdb  # noqa: PLC0415 - as above

    try:
        read = wfdb.rdheader(record)
        complete = read.n_sig > 0 and len(read.sig_name) == read.n_sig and read.fs > 0
    except Exception as error:  # wfdb raises many types of error for damaged files
        raise SourceError(
            f"{header} is not a WFDB header ({type(error).__name__}: {_one_line(error)})"
        ) from error
    if not complete:
        raise SourceError(f"{header} describes no signal")
    return WfdbRecord(record, read)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
