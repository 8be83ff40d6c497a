"""Recordings of other programs, read by what the file states about itself; nothing is guessed."""

from __future__ import annotations

import hashlib
import re
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acquisition.errors import AcquisitionError, SourceError
from acquisition.files.binary_formats import GAP, XdfFile, XdfStream, read_edf, read_xdf
from acquisition.files.recordings import RecordedFile, open_recording
from acquisition.files.series import Series
from acquisition.files.text_formats import KIND_OF_SENSOR, OPENSIGNALS_FIRST_LINE, read_opensignals
from acquisition.files.text_tables import open_text
from acquisition.spec import RecordingSpec, parse_spec
from acquisition.streams import Kind
from biofeedback.errors import UsageError
from biofeedback.recording.storage import file_sha256

KIND_OF_WORD: Mapping[str, Kind] = {
    "ECG": Kind.ECG,
    "EKG": Kind.ECG,
    "PPG": Kind.PPG,
    "BVP": Kind.PPG,
    "PLETH": Kind.PPG,
    "EDA": Kind.EDA,
    "GSR": Kind.EDA,
    "RSP": Kind.RSP,
    "RESP": Kind.RSP,
    "RESPIRATION": Kind.RSP,
    "RR": Kind.RR,
    "IBI": Kind.RR,
    "HR": Kind.HR,
    "ACC": Kind.ACC,
}
"""Kinds of signal by the words that other programs use for them."""

EMPATICA = {
    "BVP.csv": Kind.PPG,
    "EDA.csv": Kind.EDA,
    "IBI.csv": Kind.RR,
    "HR.csv": Kind.HR,
    "ACC.csv": Kind.ACC,
}
"""Files of an Empatica E4."""

TEMPERATURE = "TEMP.csv"
ACC_AXES = ("0", "1", "2")
TAGS = re.compile(r"tags.*[.]csv")
MARKER_TYPES = {"MARKERS", "MARKER", "STRINGMARKER", "TRIGGER", "EVENTS"}
NOT_WAVES = {"RATE", "HZ", "BPM", "QUALITY", "VARIABILITY", "STATUS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSignal:
    """A signal in one channel, or in several with the same times."""

    kind: Kind
    channels: tuple[Series, ...]


@dataclass(slots=True, kw_only=True)
class ForeignRecording:
    """Signals and marks of a file written by another program.

    Attributes
    ----------
    name : str
        Name of the file, without its folder.
    form : str
        Name of its format.
    sha256 : str
        Its checksum.
    signals : list of RecordedSignal
        Signals that could be read.
    marks : dict of str to tuple of (float, str)
        Marks by the name of their stream: seconds on the file's clock, and text.
    left_out : list of str
        What could not be read, with the reason; a line each.
    """

    name: str
    form: str
    sha256: str
    signals: list[RecordedSignal] = field(default_factory=list)
    marks: dict[str, tuple[tuple[float, str], ...]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    @property
    def absolute(self) -> bool:
        """Whether all its signals are on Unix time."""
        return all(channel.absolute for signal in self.signals for channel in signal.channels)

    @property
    def origin_s(self) -> float:
        """Where its first signal begins on its clock; of a file of marks only, the first mark; else 0."""
        begins = [channel.origin_s for signal in self.signals for channel in signal.channels]
        return min(begins or [marks[0][0] for marks in self.marks.values() if marks], default=0.0)


def read_recorded_file(text: str) -> ForeignRecording:
    """Read a recording of another program.

    Parameters
    ----------
    text : str
        Path of a file, or of a folder or zip of an Empatica E4; or an input specification ``KIND=WHERE``
        for a file that does not state what its columns are.

    Raises
    ------
    SourceError
        If it cannot be read.
    UsageError
        If the file does not state what it holds.
    """
    path = Path(text)
    if path.is_dir():
        return _empatica(path, path)
    if not path.exists():
        return _specified(text)
    if reader := _READERS.get(path.suffix.lower()):
        return reader(path)
    if path.name in EMPATICA:
        return _empatica(path, path.parent, only=path.name)
    if path.suffix.lower() == ".txt" and _first_line(path).startswith(OPENSIGNALS_FIRST_LINE):
        return _opensignals(path)
    raise UsageError(
        f"{path} does not state what it holds; give it as ecg={path.name}:COLUMN@250?unit=mV "
        "(see biofeedback stream --help)"
    )


def _first_line(path: Path) -> str:
    with open_text(path) as file:
        return file.readline(200)


def _specified(text: str) -> ForeignRecording:
    if "=" not in text:
        raise SourceError(f"{text} does not exist")
    spec = parse_spec(text)
    if not isinstance(spec, RecordingSpec):
        raise UsageError(f"{text!r} is no recording; only files can be imported")
    series = open_recording(spec.path).series(spec)
    if spec.conversion is not None:
        series = spec.conversion.apply(series, f"{spec.path}, {series.label!r}")
    contents = _contents(spec.path, "a column that was named")
    contents.signals.append(RecordedSignal(kind=spec.kind, channels=(series,)))
    return contents


def _contents(path: Path, form: str) -> ForeignRecording:
    try:
        checksum = file_sha256(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    return ForeignRecording(name=path.name, form=form, sha256=checksum)


def _take(
    contents: ForeignRecording,
    kind: Kind,
    path: Path,
    columns: Iterable[str | None],
    *,
    called: str,
    file: RecordedFile | None = None,
) -> None:
    """Add a signal of a file, which is opened here where it is not given, or why it cannot be read."""
    try:
        file = file or open_recording(path)
        specs = (
            RecordingSpec(text=f"{kind}={path}", kind=kind, path=path, column=column, rate_hz=None)
            for column in columns
        )
        channels = tuple(file.series(spec) for spec in specs)
    except AcquisitionError as error:
        contents.left_out.append(f"{called}: {error}")
    else:
        contents.signals.append(RecordedSignal(kind=kind, channels=channels))


def _xdf(path: Path) -> ForeignRecording:
    file = read_xdf(path, synchronised=True)
    contents = _contents(path, "XDF of the Lab Streaming Layer, clocks synchronised by pyxdf")
    described = file.described()
    if any(stream.source_id == f"biofeedback:{stream.name}" for stream in described):
        raise UsageError(
            f"{path} is a recording of this program; biofeedback report and analyse take its folder"
        )
    for number, stream in enumerate(described):
        if [other.name for other in described].count(stream.name) > 1:
            contents.left_out.append(f"stream {stream.name!r}: several streams bear this name")
        elif not stream.samples:
            contents.left_out.append(f"stream {stream.name!r}: it is empty")
        elif stream.kind.upper() in MARKER_TYPES:
            contents.marks[stream.name] = file.marks(number)
        else:
            _xdf_signals(contents, file, stream)
    return contents


def _xdf_signals(contents: ForeignRecording, file: XdfFile, stream: XdfStream) -> None:
    by_kind: dict[Kind, list[str]] = {}
    for index, (label, _, kind) in enumerate(stream.channels):
        understood = KIND_OF_WORD.get(kind.upper()) or KIND_OF_WORD.get(stream.kind.upper())
        if understood is None:
            contents.left_out.append(
                f"stream {stream.name!r}, channel {label}: nothing is known of type {kind or stream.kind!r}"
            )
        else:
            by_kind.setdefault(understood, []).append(str(index))
    for kind, indexes in by_kind.items():
        columns = [f"{stream.name}/{index}" for index in indexes]
        _take(contents, kind, file.path, columns, called=f"stream {stream.name!r}", file=file)


def _edf(path: Path) -> ForeignRecording:
    file = read_edf(path)
    contents = _contents(path, "EDF")
    for number, (label, _, _) in enumerate(file.signals):
        words = re.split(r"[\s_-]+", label.upper())
        kind = KIND_OF_WORD.get(words[0])
        if kind is None or kind in {Kind.RR, Kind.HR} or NOT_WAVES & set(words):
            contents.left_out.append(f"signal {label!r}: its label does not say which signal it is")
        else:
            _take(contents, kind, path, [str(number)], called=f"signal {label!r}", file=file)
    if marks := tuple((onset, text) for onset, text in file.annotations if not text.startswith(GAP)):
        contents.marks["annotations"] = marks
    return contents


def _opensignals(path: Path) -> ForeignRecording:
    file = read_opensignals(path)
    contents = _contents(path, "OpenSignals text")
    for channel in file.channels:
        kind = KIND_OF_SENSOR.get(channel.sensor)
        called = f"channel {channel.label!r} ({channel.sensor})"
        if kind is None:
            contents.left_out.append(
                f"{called}: its sensor is not one of {', '.join(sorted(KIND_OF_SENSOR))}"
            )
        else:
            _take(contents, kind, path, [channel.label], called=called, file=file)
    return contents


def _zip(path: Path) -> ForeignRecording:
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as place:
            for member in archive.infolist():
                name = Path(member.filename).name
                if name in {*EMPATICA, TEMPERATURE} or TAGS.fullmatch(name):
                    (Path(place) / name).write_bytes(archive.read(member))
            return _empatica(path, Path(place))
    except zipfile.BadZipFile as error:
        raise SourceError(f"{path} is not a complete zip file: {error}") from None


def _empatica(given: Path, folder: Path, *, only: str | None = None) -> ForeignRecording:
    files = [folder / name for name in EMPATICA if only in {None, name} and (folder / name).exists()]
    if not files:
        raise UsageError(f"{given} holds no recording of an Empatica E4 ({', '.join(EMPATICA)})")
    tags = sorted(path for path in folder.iterdir() if only is None and TAGS.fullmatch(path.name))
    contents = ForeignRecording(name=given.name, form="Empatica E4", sha256=_checksum_of([*files, *tags]))
    if given.is_file():
        contents.sha256 = _contents(given, "").sha256
    for path in files:
        kind = EMPATICA[path.name]
        _take(contents, kind, path, ACC_AXES if kind is Kind.ACC else (None,), called=path.name)
    for path in tags:
        contents.marks[path.name] = _tags(path)
    if only is None and (folder / TEMPERATURE).exists():
        contents.left_out.append(f"{TEMPERATURE}: there is no stream for skin temperature")
    return contents


def _checksum_of(files: Iterable[Path]) -> str:
    """Return the SHA-256 of the files' own, in the order of their names, as ``sha256sum`` prints them."""
    lines = [
        f"{_contents(path, '').sha256}  {path.name}\n" for path in sorted(files, key=lambda path: path.name)
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _tags(path: Path) -> tuple[tuple[float, str], ...]:
    """Return the presses of the E4's button, Unix times one a line."""
    times = []
    with open_text(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    times.append(float(line))
                except ValueError:
                    raise SourceError(f"{path}, line {number}: {line.strip()!r} is not a Unix time") from None
    return tuple((time, "tag") for time in sorted(times))


_READERS = {".xdf": _xdf, ".edf": _edf, ".zip": _zip}
