"""The input specification of the command line, ``KIND=WHERE``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from acquisition.errors import SpecError
from acquisition.livespec import LinesSpec, LslSpec, finite_number, parse_lsl, parse_serial
from acquisition.streams import Kind

RECORDED_KINDS = (Kind.ECG, Kind.PPG, Kind.EDA, Kind.RSP, Kind.RR, Kind.HR, Kind.ACC)
"""What can be read from a recording or a device."""

KAPPA_RANGE = (0.0, 3.0)

_FILE = re.compile(r"(?P<path>.+?\.(?P<format>csv|csv\.gz|xdf)):(?P<column>.+)", re.IGNORECASE | re.DOTALL)
_RIGHT_CSV = "ecg=rec.csv:ecg_mV@360"
_RIGHT_XDF = "eda=session.xdf:StreamName"
_RIGHT_RR = "rr=rr.csv:rr_ms"
_RIGHT_LISTENER = "listener=virtual:responder"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSpec:
    """One signal of a recording.

    Attributes
    ----------
    text : str
        As it was written.
    kind : Kind
        What the signal measures.
    path : Path
        A ``.csv``, ``.csv.gz`` or ``.xdf`` file.
    column : str
        CSV: name of a column, or its number from 0. XDF: ``Stream`` or ``Stream/label``.
    rate_hz : float or None
        Sampling rate, where it was given.
    """

    text: str
    kind: Kind
    path: Path
    column: str
    rate_hz: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSpec:
    """A virtual listener.

    Attributes
    ----------
    text : str
        As it was written.
    persona : str
        Name of the persona; whether it exists is for the listener to say.
    kappa : float
        The factor on every effect of music, 0 to 3.
    """

    text: str
    persona: str
    kappa: float


Spec = RecordingSpec | ListenerSpec | LslSpec | LinesSpec


def parse_spec(text: str) -> Spec:
    """Understand one input specification.

    Parameters
    ----------
    text : str
        ``ecg=rec.csv:ecg_mV@360``, ``ecg=rec.csv.gz:0@360``, ``eda=session.xdf:Stream/label``,
        ``rr=rr.csv:rr_ms``, ``listener=virtual:responder?kappa=0``, ``ecg=lsl:name=PolarECG`` or
        ``ecg=serial:/dev/ttyUSB0?profile=lines&rate=250``.

    Raises
    ------
    SpecError
        In one line that shows a right specification.
    """
    kind, equals, where = (part.strip() for part in text.partition("="))
    if not equals or not kind or not where:
        raise SpecError(f"{text!r} is not of the form KIND=WHERE; write for example {_RIGHT_CSV}")
    if kind == "listener":
        return _parse_listener(text, where)
    if kind not in RECORDED_KINDS:
        known = ", ".join(RECORDED_KINDS)
        raise SpecError(
            f"{text!r}: {kind!r} is not a kind of input; there are {known} and listener, as in {_RIGHT_CSV}"
        )
    if where.startswith("lsl:"):
        return parse_lsl(text, Kind(kind), where.removeprefix("lsl:"))
    if where.startswith("serial:"):
        return parse_serial(text, Kind(kind), where.removeprefix("serial:"))
    if where.startswith("virtual:"):
        raise SpecError(
            f"{text!r}: a virtual listener delivers every signal at once; write {_RIGHT_LISTENER}"
        )
    return _parse_recording(text, Kind(kind), where)


def _parse_recording(text: str, kind: Kind, where: str) -> RecordingSpec:
    # The file name ends at its suffix, so drive letters and colons in column names do no harm.
    match = _FILE.fullmatch(where)
    if match is None:
        raise SpecError(
            f"{text!r}: after '=' comes a .csv, .csv.gz or .xdf file, a colon and the column or stream; "
            f"write for example {_RIGHT_CSV} or {_RIGHT_XDF}"
        )
    column, rate_hz = match["column"], None
    if match["format"].lower() != "xdf":
        column, rate_hz = _split_rate(text, column)
    if rate_hz is not None and kind is Kind.RR:
        raise SpecError(f"{text!r}: RR intervals have no sampling rate; write for example {_RIGHT_RR}")
    return RecordingSpec(text=text, kind=kind, path=Path(match["path"]), column=column, rate_hz=rate_hz)


def _split_rate(text: str, column: str) -> tuple[str, float | None]:
    name, at, rate_text = column.rpartition("@")
    if not at:
        return column, None
    rate_hz = finite_number(rate_text)
    if rate_hz is None or rate_hz <= 0:
        raise SpecError(
            f"{text!r}: {rate_text!r} is not a sampling rate; after '@' comes a number of Hz above 0, "
            f"as in {_RIGHT_CSV}"
        )
    if not name:
        raise SpecError(f"{text!r}: the column is missing before '@'; write for example {_RIGHT_CSV}")
    return name, rate_hz


def _parse_listener(text: str, where: str) -> ListenerSpec:
    source, colon, rest = where.partition(":")
    persona, question, query = rest.partition("?")
    if source != "virtual" or not colon or not persona:
        raise SpecError(f"{text!r}: a listener is virtual and has a persona; write {_RIGHT_LISTENER}")
    kappa = 1.0
    options = parse_qsl(query, keep_blank_values=True)
    for name, value in options:
        number = finite_number(value)
        if name != "kappa" or number is None or not KAPPA_RANGE[0] <= number <= KAPPA_RANGE[1]:
            raise SpecError(
                f"{text!r}: {name}={value} is not an option of a listener; the only one is kappa from "
                f"{KAPPA_RANGE[0]:g} to {KAPPA_RANGE[1]:g}, as in {_RIGHT_LISTENER}?kappa=0"
            )
        kappa = number
    if question and len(options) != 1:
        raise SpecError(f"{text!r}: after '?' comes kappa once, as in {_RIGHT_LISTENER}?kappa=0")
    return ListenerSpec(text=text, persona=persona, kappa=kappa)
