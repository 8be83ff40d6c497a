"""Input specifications, ``KIND=WHERE``, as on the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from acquisition.errors import SpecError
from acquisition.files.series import Conversion, parse_conversion
from acquisition.serial.spec import SerialSpec, parse_serial
from acquisition.spec_options import OptionReader, finite_number
from acquisition.streams import UNKNOWN_UNIT, Kind

RECORDED_KINDS = (Kind.ECG, Kind.PPG, Kind.EDA, Kind.RSP, Kind.RR, Kind.HR, Kind.ACC)
"""Kinds of signal that can be read from a recording or a device."""

SUFFIXES = ("csv", "csv.gz", "txt", "txt.gz", "xdf", "edf", "hea", "dat", "mat")
"""Suffixes of readable recordings; a name without suffix is a WFDB record."""

_FILE = re.compile(
    rf"(?P<path>.+?\.(?P<format>{'|'.join(SUFFIXES).replace('.', '[.]')}))(?P<rest>[:@].*)?",
    re.IGNORECASE | re.DOTALL,
)

# The colon of a drive letter does not precede a column.
_RECORD = re.compile(r"(?P<path>(?:[A-Za-z]:[\\/])?(?:[^:]*[\\/])?[^:.\\/?@]+)(?P<rest>:.*)?", re.DOTALL)
_OPTIONS = re.compile(r"(?P<before>.*?)\?(?P<query>(?:unit|profile|bits)=.*)", re.DOTALL)
LSL_PROPERTIES = ("name", "type", "source_id")
"""Properties by which an LSL stream is identified."""

WAIT_S = 5.0
"""Seconds for which a stream is searched if `wait` is not given."""

LONGEST_WAIT_S = 3600.0
_RIGHT_LSL = "ecg=lsl:name=PolarECG"
_RIGHT_BLE = "rr=ble:name=Polar H10"
_RIGHT_CSV = "ecg=rec.csv:ecg_mV@360"
_RIGHT_XDF = "eda=session.xdf:StreamName"
_RIGHT_UNIT = f"{_RIGHT_CSV}?unit=mV"
_RIGHT_RR = "rr=rr.csv:rr_ms"
_RIGHT_LISTENER = "listener=virtual:responder"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSpec:
    """One signal of a recording.

    Attributes
    ----------
    text : str
        The specification as written.
    kind : Kind
        What the signal measures.
    path : Path
        A file whose name ends in one of `SUFFIXES`, or a WFDB record without suffix.
    column : str or None
        Name of a column or channel, or its number from 0; XDF: ``Stream`` or ``Stream/label``. None asks for
        the only one. For PPG several, separated by commas.
    rate_hz : float or None
        Sampling rate, where it is given.
    unit : str or None
        Unit of the samples, where it is given.
    conversion : Conversion or None
        Conversion of counts to units, where a profile is given.
    """

    text: str
    kind: Kind
    path: Path
    column: str | None
    rate_hz: float | None
    unit: str | None = None
    conversion: Conversion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSpec:
    """A virtual listener.

    Attributes
    ----------
    text : str
        The specification as written.
    persona : str
        Name of the persona; `VirtualListener` checks that it exists.
    kappa : float
        Factor on every effect of music, 0 to 3.
    pain_at_s : float or None
        When pain begins, seconds from the session's start; None if not given.
    """

    text: str
    persona: str
    kappa: float
    pain_at_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LslSpec:
    """One channel of an LSL stream.

    Attributes
    ----------
    text : str
        The specification as written.
    kind : Kind
        What it measures.
    query : tuple of (str, str)
        Properties (see `LSL_PROPERTIES`) and the values they must have.
    channel : str or None
        Label or number from 0; None asks for the only one.
    unit : str or None
        Unit, where the stream does not state it or states a wrong one.
    wait_s : float
        Seconds for which it is searched if it does not exist yet.
    """

    text: str
    kind: Kind
    query: tuple[tuple[str, str], ...]
    channel: str | None
    unit: str | None
    wait_s: float = WAIT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class BluetoothSpec:
    """RR intervals or heart rate of a Bluetooth heart-rate device.

    Attributes
    ----------
    text : str
        The specification as written.
    kind : Kind
        RR intervals or heart rate.
    name : str
        Part of the device's name; empty if it is identified by its address.
    address : str
        Its address (on macOS: its identifier); empty if it is identified by its name.
    """

    text: str
    kind: Kind
    name: str
    address: str

    @property
    def device(self) -> tuple[str, str]:
        """Name and address, which identify the device."""
        return self.name, self.address


Spec = RecordingSpec | ListenerSpec | LslSpec | SerialSpec | BluetoothSpec


def parse_spec(text: str) -> Spec:
    """Parse one input specification.

    Parameters
    ----------
    text : str
        ``ecg=rec.csv:ecg_mV@360``, ``ecg=rec.csv.gz:0@360``, ``eda=session.xdf:Stream/label``,
        ``rr=rr.csv:rr_ms``, ``ecg=100.hea:MLII``, ``eda=eda.txt:A3?profile=bitalino``,
        ``listener=virtual:responder?kappa=0``, ``ecg=lsl:name=PolarECG``,
        ``markers=lsl:name=PsychoPy``, ``rr=ble:name=Polar H10`` or
        ``ecg=serial:/dev/ttyUSB0?profile=lines&rate=250``.

    Raises
    ------
    SpecError
        In one line that shows a correct specification.

    Examples
    --------
    >>> spec = parse_spec("ecg=rec.csv:ecg_mV@360")
    >>> spec.kind.value, spec.path.name, spec.column, spec.rate_hz
    ('ecg', 'rec.csv', 'ecg_mV', 360.0)
    """
    kind, equals, where = (part.strip() for part in text.partition("="))
    if not equals or not kind or not where:
        raise SpecError(f"{text!r} is not of the form KIND=WHERE; write for example {_RIGHT_CSV}")
    if kind == "listener":
        return _parse_listener(text, where)
    scheme, colon, rest = where.partition(":")
    parse = _PARSERS.get(scheme) if colon else None
    if kind not in RECORDED_KINDS and not (kind == Kind.MARKERS and parse is parse_lsl):
        known = ", ".join(RECORDED_KINDS)
        raise SpecError(
            f"{text!r}: {kind!r} is not a kind of input; there are {known} and listener, as in {_RIGHT_CSV}"
        )
    if parse is not None:
        return parse(text, Kind(kind), rest)
    if where.startswith("virtual:"):
        raise SpecError(
            f"{text!r}: a virtual listener delivers every signal at once; write {_RIGHT_LISTENER}"
        )
    return _parse_recording(text, Kind(kind), where)


def is_wfdb(path: Path) -> bool:
    """Return whether a path is a WFDB record: its header, its signal file, or its name without suffix."""
    return path.suffix.lower() in {".hea", ".dat", ".mat", ""}


def _parse_recording(text: str, kind: Kind, where: str) -> RecordingSpec:
    unit: str | None = None
    conversion: Conversion | None = None
    if match := _OPTIONS.fullmatch(where):
        where, query = match["before"], match["query"]
        if query.startswith("unit="):
            unit = OptionReader(text, query, ("unit",), _RIGHT_UNIT).unit(UNKNOWN_UNIT)
        else:
            conversion = parse_conversion(text, kind, query)
    # The file name ends at its suffix, so drive letters and colons in column names are harmless.
    match = _FILE.fullmatch(where) or _RECORD.fullmatch(where)
    rest = (match["rest"] or "") if match else ":"
    if match is None or rest == ":":
        raise SpecError(
            f"{text!r}: after '=' comes a recording ({', '.join(f'.{suffix}' for suffix in SUFFIXES)} or a "
            f"WFDB record), a colon and the column or stream; write for example {_RIGHT_XDF} or {_RIGHT_CSV}"
        )
    column: str | None = rest.removeprefix(":")
    rate_hz = None
    if column and not match["path"].lower().endswith(".xdf"):
        column, rate_hz = _split_rate(text, column, needs_column=rest.startswith(":"))
    if rate_hz is not None and kind is Kind.RR:
        raise SpecError(f"{text!r}: RR intervals have no sampling rate; write for example {_RIGHT_RR}")
    return RecordingSpec(
        text=text,
        kind=kind,
        path=Path(match["path"]),
        column=column or None,
        rate_hz=rate_hz,
        unit=unit,
        conversion=conversion,
    )


def _split_rate(text: str, column: str, *, needs_column: bool) -> tuple[str, float | None]:
    name, at, rate_text = column.rpartition("@")
    if not at:
        return column, None
    rate_hz = finite_number(rate_text)
    if rate_hz is None or rate_hz <= 0:
        raise SpecError(
            f"{text!r}: {rate_text!r} is not a sampling rate; after '@' comes a number of Hz above 0, "
            f"as in {_RIGHT_CSV}"
        )
    if not name and needs_column:
        raise SpecError(f"{text!r}: the column is missing before '@'; write for example {_RIGHT_CSV}")
    return name, rate_hz


def _parse_listener(text: str, where: str) -> ListenerSpec:
    source, colon, rest = where.partition(":")
    persona, question, query = rest.partition("?")
    if source != "virtual" or not colon or not persona:
        raise SpecError(f"{text!r}: a listener is virtual and has a persona; write {_RIGHT_LISTENER}")
    right = f"{_RIGHT_LISTENER}?kappa=0"
    options = OptionReader(text, query if question else None, ("kappa", "pain_at"), right)
    kappa = options.number("kappa", 1.0, lambda x: 0 <= x <= 3, "a number from 0 to 3")
    pain_at_s = None
    if "pain_at" in options.given:
        pain_at_s = options.number("pain_at", None, lambda x: 0 <= x <= 14400, "a number from 0 to 14400")
    return ListenerSpec(text=text, persona=persona, kappa=kappa, pain_at_s=pain_at_s)


def parse_lsl(text: str, kind: Kind, query: str) -> LslSpec:
    """Parse what follows ``lsl:``.

    Raises
    ------
    SpecError
        In one line that shows a correct specification.
    """
    options = OptionReader(text, query, (*LSL_PROPERTIES, "channel", "unit", "wait"), _RIGHT_LSL)
    wanted = tuple((name, options.given[name]) for name in LSL_PROPERTIES if name in options.given)
    if not wanted:
        raise options.wrong(f"an LSL stream is identified by {', '.join(LSL_PROPERTIES)}")
    words = f"a number of seconds up to {LONGEST_WAIT_S:g}, as in &wait=60"
    return LslSpec(
        text=text,
        kind=kind,
        wait_s=options.number("wait", WAIT_S, lambda x: 0 <= x <= LONGEST_WAIT_S, words),
        query=wanted,
        channel=options.given.get("channel"),
        unit=options.unit(UNKNOWN_UNIT) if "unit" in options.given else None,
    )


def parse_bluetooth(text: str, kind: Kind, query: str) -> BluetoothSpec:
    """Parse what follows ``ble:``.

    Raises
    ------
    SpecError
        In one line that shows a correct specification.
    """
    if kind not in {Kind.RR, Kind.HR}:
        raise SpecError(f"{text!r}: a strap delivers rr and hr, not {kind}; write for example {_RIGHT_BLE}")
    options = OptionReader(text, query, ("name", "address"), _RIGHT_BLE)
    if len(options.given) != 1:
        raise options.wrong("a strap is identified by its name or its address")
    name, address = (options.given.get(option, "") for option in ("name", "address"))
    return BluetoothSpec(text=text, kind=kind, name=name, address=address.upper())


_PARSERS: Mapping[str, Callable[[str, Kind, str], Spec]] = {
    "lsl": parse_lsl,
    "ble": parse_bluetooth,
    "serial": parse_serial,
}
