"""The rows of the overview: their lines, their gaps, and their signals thinned for display."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from biofeedback.analysis.heart_rhythm import PULSE, heart_sources
from biofeedback.analysis.phases import (
    Spans,
    TimeSeries,
    duration_s,
    merged,
    music_sections,
    numeric,
    texts,
    valid_feature,
    whole_session,
)
from biofeedback.analysis.session_log import held_spans, hold_threshold
from biofeedback.recording.reader import RecordedStream, Recording
from biofeedback.recording.streams import SECTION_KINDS
from generator.state import Mode

FloatArray = npt.NDArray[np.float64]

COLUMNS = 2000
"""Pixels there may be across the page; more detail than two samples for each is not shown."""

DOUBTFUL_QUALITY = 0.5

RAW_KINDS = ("ECG", "PPG", "RR", "HR", "EDA", "RSP", "ACC")
HEART_KINDS = RAW_KINDS[:4]

# Okabe and Ito's palette, which people with any form of colour blindness can tell apart; lines also
# differ in dash and width. Each has a contrast of at least 3:1 against the page.
VERMILLION, BLUE, GREEN, INK, PURPLE, OCHRE, SKY = (
    "#c84f00", "#0072b2", "#00805d", "#1b2733", "#8a3a78", "#9a6a00", "#2b87bd",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PanelLine:
    """One trace: where it is NaN it is not drawn."""

    name: str
    times: FloatArray
    values: FloatArray
    colour: str
    dash: str = "solid"
    width: float = 1.8
    marks: str = ""
    """Symbol of the marks that are drawn instead of a line."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """One row of the overview.

    Attributes
    ----------
    title, unit : str
        Above it.
    height : int
        Pixels.
    lines : tuple of Line
        Drawn in this order.
    areas : dict of str to spans
        Stretches marked from bottom to top, by what they mean.
    low, high : float, optional
        Range that must be visible.
    ticks : dict of float to str
        Named values of the vertical axis.
    """

    title: str
    unit: str
    height: int
    lines: tuple[PanelLine, ...]
    areas: dict[str, Spans] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    ticks: dict[float, str] = field(default_factory=dict)

    @property
    def span(self) -> tuple[float, float]:
        """The vertical range: all values and a little room, 0 to 1 where there are none."""
        values = [line.values[np.isfinite(line.values)] for line in self.lines]
        wanted = [bound for bound in (self.low, self.high) if bound is not None]
        together = np.concatenate([*values, wanted])
        if not together.size:
            return 0.0, 1.0
        low, high = together.min(), together.max()
        room = 0.08 * (high - low) or max(0.05 * abs(high), 0.5)
        return float(low - room), float(high + room)


NO_SIGNAL = "no valid signal"
NO_ACTIVATION = "no baseline or no signal"
DOUBTFUL = "doubtful quality"
HELD = "lead held"
SILENCE = "no music asked for"

_NOTHING = {"shape": "/", "fgcolor": "#7b8791", "bgcolor": "#e9ecee", "size": 7, "solidity": 0.22}
PATTERNS = {
    NO_SIGNAL: _NOTHING,
    NO_ACTIVATION: _NOTHING,
    DOUBTFUL: {"shape": ".", "fgcolor": "#9a6a00", "bgcolor": "#fff4d6", "size": 6, "solidity": 0.35},
    HELD: {"shape": "|", "fgcolor": "#8a3a78", "bgcolor": "#f6eaf3", "size": 7, "solidity": 0.2},
    SILENCE: {"shape": "-", "fgcolor": "#8f9ba5", "bgcolor": "#f7f8f9", "size": 8, "solidity": 0.12},
}
"""How each kind of stretch is hatched; the pattern, not the colour, tells them apart."""


def overview(recording: Recording) -> tuple[Panel, ...]:
    """Return the panels from top to bottom; those about sensors that were not there are left out."""
    end, pulse = duration_s(recording), PULSE in heart_sources(recording, whole_session(recording))
    rmssd = "RMSSD of the pulse rate" if pulse else "RMSSD"
    panels = [
        *(_raw(recording, stream, end) for stream in raw_streams(recording, HEART_KINDS)[:1]),
        _heart_rate(recording, end),
        *_form(recording),
        _feature(recording, end, "rmssd_ms", rmssd, unit="ms", colour=PURPLE),
        *_skin(recording, end),
        *_breathing(recording, end),
        _activation(recording, end),
        *_music(recording, end),
    ]
    return tuple(panels)


def raw_streams(recording: Recording, kinds: tuple[str, ...] = RAW_KINDS) -> list[RecordedStream]:
    """Return the recorded signals of these kinds that hold any sample, in the order of `kinds`."""
    streams = [s for s in recording.streams.values() if s.kind in kinds and s.times.size and s.samples.size]
    return sorted(streams, key=lambda stream: kinds.index(stream.kind))


def _line(
    name: str, times: FloatArray, values: FloatArray, spans: Spans, colour: str, **style: float
) -> PanelLine:
    shown = broken(*thinned(times, values, COLUMNS), spans)
    return PanelLine(name=name, times=shown[0], values=shown[1], colour=colour, **style)  # type: ignore[arg-type] # widths only


def _raw(recording: Recording, stream: RecordedStream, end: float) -> Panel:
    times, values = stream.times - recording.t0_s, stream.samples[:, 0]
    missing = gaps(times[np.isfinite(values)], interval_s(times), 0.0, end)
    line = _line(f"{stream.kind}, as recorded", times, values, missing, INK, width=0.8)
    return Panel(
        title=f"{stream.kind}", unit=stream.units[0], height=80, lines=(line,), areas={NO_SIGNAL: missing}
    )


def _valid(recording: Recording, label: str, end: float) -> tuple[FloatArray, FloatArray, Spans]:
    times, values = valid_feature(recording, label)
    return times, values, gaps(times, 1.0, 0.0, end)


def _feature(recording: Recording, end: float, label: str, title: str, *, unit: str, colour: str) -> Panel:
    times, values, missing = _valid(recording, label, end)
    line = _line(title, times, values, missing, colour)
    return Panel(title=title, unit=unit, height=80, lines=(line,), areas={NO_SIGNAL: missing})


def _heart_rate(recording: Recording, end: float) -> Panel:
    times, values, missing = _valid(recording, "hr_bpm", end)
    beat_times, sounded = _steps(*numeric(recording, "score", "tempo_bpm"), end)
    lines = (
        PanelLine(name="tempo as it sounded", times=beat_times, values=sounded, colour=SKY, width=1.0),
        _asked(recording, "tempo_bpm", "tempo asked for", BLUE, dash="dash"),
        _line("heart rate", times, values, missing, VERMILLION, width=2.2),
    )
    areas = {NO_SIGNAL: missing, DOUBTFUL: _doubtful(recording, "hr_bpm", "hr_quality")}
    return Panel(title="Heart rate and tempo", unit="bpm", height=170, lines=lines, areas=areas)


def _form(recording: Recording) -> list[Panel]:
    """Return the row of the sections of the music; none where it has no form."""
    sections = music_sections(recording)
    if not sections:
        return []
    spans = [(section.begin_s, section.end_s, SECTION_KINDS.index(section.kind)) for section in sections]
    times = np.array([(begin, end, end) for begin, end, _ in spans]).ravel()
    values = np.array([(kind, kind, np.nan) for *_, kind in spans]).ravel()
    line = PanelLine(name="section", times=times, values=values, colour=BLUE, width=6.0)
    ticks = {float(place): kind for place, kind in enumerate(SECTION_KINDS)}
    return [
        Panel(
            title="Form", unit="section of the music", height=90, lines=(line,), low=0.0, high=max(ticks),
            ticks=ticks,
        )
    ]  # fmt: skip


def _doubtful(recording: Recording, label: str, quality: str) -> Spans:
    """Return where there is a value but its quality is low: each row speaks for the second before it."""
    times, values = numeric(recording, "features", label)
    _, qualities = numeric(recording, "features", quality)
    low = times[np.isfinite(values) & (qualities < DOUBTFUL_QUALITY)].tolist()
    return [(time - 1.0, time) for time in low]


def _skin(recording: Recording, end: float) -> list[Panel]:
    raw = raw_streams(recording, ("EDA",))
    times, level, missing = _valid(recording, "scl_uS", end)
    if not raw and not times.size:
        return []
    lines = [_line("tonic level", times, level, missing, GREEN, width=2.2)]
    if raw:
        times, level = raw[0].times - recording.t0_s, raw[0].samples[:, 0]
        raw_gaps = gaps(times[np.isfinite(level)], interval_s(times), 0.0, end)
        lines.insert(0, _line("as recorded", times, level, raw_gaps, SKY, width=1.0))
    _, peaks = numeric(recording, "scrs", "peak_s")
    peaks = peaks - recording.t0_s
    heights = _at(peaks, times, level)
    lines.append(
        PanelLine(name="response (SCR)", times=peaks, values=heights, colour=INK, marks="triangle-up")
    )
    areas = {NO_SIGNAL: missing, DOUBTFUL: _doubtful(recording, "scl_uS", "eda_quality")}
    return [Panel(title="Skin conductance", unit="µS", height=130, lines=tuple(lines), areas=areas)]


def _at(moments: FloatArray, times: FloatArray, values: FloatArray) -> FloatArray:
    """Return the recorded value nearest before each moment."""
    if not times.size:
        return np.full(moments.shape, np.nan)
    return values[np.clip(np.searchsorted(times, moments, side="right") - 1, 0, times.size - 1)]


def _breathing(recording: Recording, end: float) -> list[Panel]:
    if not raw_streams(recording, ("RSP",)) and not valid_feature(recording, "breathing_rate").times.size:
        return []
    return [_feature(recording, end, "breathing_rate", "Breathing rate", unit="per min", colour=OCHRE)]


def _activation(recording: Recording, end: float) -> Panel:
    times, values, missing = _valid(recording, "activation", end)
    thresholds = [(t, hold_threshold(decision)) for t, decision in texts(recording, "decisions")]
    asked = np.array([(t, np.nan if level is None else level) for t, level in thresholds]).reshape(-1, 2)
    corners, levels = _steps(asked[:, 0], asked[:, 1], end)
    ends = np.array([0.0, end])
    lines = (
        PanelLine(name="own baseline (0)", times=ends, values=0 * ends, colour=INK, width=1, dash="dot"),
        PanelLine(
            name="hold threshold (A_ref + σ)", times=corners, values=levels, colour=PURPLE, dash="dash"
        ),
        *_alone(recording, end),
        _line("activation", times, values, missing, INK, width=2.4),
    )
    areas = {NO_ACTIVATION: missing, HELD: held_spans(recording)}
    return Panel(
        title="Physiological activation", unit="z against own baseline", height=150, lines=lines,
        areas=areas, low=-1.0, high=1.0,
    )  # fmt: skip


def _alone(recording: Recording, end: float) -> list[PanelLine]:
    """Return the activation from heart and skin alone, where there is any."""
    found = []
    for name, label, colour in (
        ("from the heart alone", "heart_activation", VERMILLION),
        ("from the skin alone", "eda_activation", GREEN),
    ):
        times, values, missing = _valid(recording, label, end)
        if times.size:
            found.append(_line(name, times, values, missing, colour, width=1.0))
    return found


def _music(recording: Recording, end: float) -> list[Panel]:
    silence = {SILENCE: _silence(recording, end)}
    modes = {mode.openness: mode.name.lower() for mode in Mode}
    return [
        Panel(
            title="Mode", unit="dark to bright", height=110, areas=silence, low=0.0, high=1.0, ticks=modes,
            lines=(_asked(recording, "mode", "mode", BLUE, width=2.4),),
        ),
        Panel(
            title="Texture", unit="0 to 1", height=100, areas=silence, low=0.0, high=1.0,
            lines=(
                _asked(recording, "density", "density", INK),
                _asked(recording, "brightness", "brightness", OCHRE, dash="dash"),
                _asked(recording, "register", "register", PURPLE, dash="dot"),
            ),
        ),
        Panel(
            title="Layers", unit="number", height=70, areas=silence, low=1.0, high=8.0,
            lines=(_asked(recording, "layers", "layers", GREEN, width=2.4),),
            ticks={float(number): str(number) for number in (1, 3, 5, 8)},
        ),
        Panel(
            title="Level", unit="dB re −23 LUFS", height=70, areas=silence, low=-12.0, high=0.0,
            lines=(_asked(recording, "level_db", "level", VERMILLION),),
        ),
    ]  # fmt: skip


def _asked(
    recording: Recording, label: str, name: str, colour: str, *, dash: str = "solid", width: float = 1.8
) -> PanelLine:
    """Return one column of ``music`` as steps; not drawn where no music was asked for."""
    times, values = numeric(recording, "music", label)
    _, sounding = numeric(recording, "music", "sounding")
    values = np.where(sounding > 0, values, np.nan)
    times, values = _steps(times, values, duration_s(recording))
    return PanelLine(name=name, times=times, values=values, colour=colour, dash=dash, width=width)


def _steps(times: FloatArray, values: FloatArray, end: float) -> tuple[FloatArray, FloatArray]:
    """Return the corners of a line that keeps each value until the next row, the last one until `end`."""
    if not times.size:
        return times, values
    changed = (values[1:] != values[:-1]) & ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
    kept = np.concatenate([[True], changed])
    begins, levels = times[kept], values[kept]
    ends = np.append(begins[1:], max(end, float(begins[-1])))
    return np.column_stack([begins, ends]).ravel(), np.repeat(levels, 2)


def _silence(recording: Recording, end: float) -> Spans:
    times, sounding = numeric(recording, "music", "sounding")
    edges = np.concatenate([[0.0], times, [end]])
    silent = np.concatenate([[True], sounding <= 0])
    return merged(zip(edges[:-1][silent].tolist(), edges[1:][silent].tolist(), strict=True))


LONGEST_STEP = 1.9
"""A step of more than this many sample intervals is a gap."""

AMPLITUDE_STEPS = 1000
"""Levels into which the usual range of a raw signal is divided when it is packed."""

TIME_STEP_S = 1e-4


def interval_s(times: FloatArray) -> float:
    """Return the usual time between samples, or 1 s where there are fewer than two."""
    return float(np.median(np.diff(times))) if times.size > 1 else 1.0


def gaps(times: FloatArray, interval: float, begin: float, end: float) -> Spans:
    """Return the stretches of `begin` to `end` in which nothing lies at `times`, the valid samples."""
    edges = np.concatenate([[begin], times[(times >= begin) & (times <= end)], [end]])
    wide = np.flatnonzero(np.diff(edges) > LONGEST_STEP * interval)
    return [(float(edges[i]), float(edges[i + 1])) for i in wide]


def broken(times: FloatArray, values: FloatArray, spans: Spans) -> TimeSeries:
    """Return the samples with a NaN inside each gap, so that a line drawn through them breaks there."""
    middles = np.array([(begin + end) / 2 for begin, end in spans])
    at = np.searchsorted(times, middles)
    return TimeSeries(np.insert(times, at, middles), np.insert(values, at, np.nan))


def thinned(times: FloatArray, values: FloatArray, columns: int) -> TimeSeries:
    """Return at most 2 × `columns` samples: the least and the greatest of each of as many equal stretches.

    Extremes survive, each at its own time; stretches without a valid sample stay without one. Signals that
    are short enough come back as they are.
    """
    valid = np.isfinite(values)
    times, values = times[valid], values[valid]
    if times.size <= 2 * columns:
        return TimeSeries(times, values)
    width = (times[-1] - times[0]) / columns
    column = np.minimum(((times - times[0]) / width).astype(int), columns - 1)
    first = np.flatnonzero(np.diff(column, prepend=-1))
    counts = np.diff(first, append=times.size)
    kept = np.zeros(times.size, dtype=bool)
    for extreme in (np.minimum, np.maximum):
        kept[_first_equal(values, np.repeat(extreme.reduceat(values, first), counts), column)] = True
    return TimeSeries(times[kept], values[kept])


def _first_equal(
    values: FloatArray, wanted: FloatArray, column: npt.NDArray[np.int_]
) -> npt.NDArray[np.int_]:
    """Return for each column the index of its first value that is the wanted one."""
    found = np.flatnonzero(values == wanted)
    return found[np.diff(column[found], prepend=-1) > 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A raw signal for the page: whole numbers, differenced, byte planes apart, deflated, base64.

    ``value = number * value_step`` and ``time = number * time_step``; the browser undoes the rest.
    """

    times: str
    values: str
    count: int
    value_step: float
    time_step: float = TIME_STEP_S


def pack(times: FloatArray, values: FloatArray) -> Packed:
    """Pack a signal's valid samples; amplitudes are rounded to 1/1000 of the range 99 % of them lie in."""
    valid = np.isfinite(values)
    times, values = times[valid], values[valid]
    low, high = np.percentile(values, [0.5, 99.5]) if values.size else (0.0, 0.0)
    # A saturated or wild signal must still fit 32 bits; a flat one must not divide by zero.
    widest = float(np.abs(values).max(initial=0.0))
    step = max(float(high - low) / AMPLITUDE_STEPS, widest / 2**30, 1e-12)
    return Packed(
        times=_deflated(np.rint(times / TIME_STEP_S)),
        values=_deflated(np.rint(values / step)),
        count=int(times.size),
        value_step=step,
    )


def _deflated(numbers: FloatArray) -> str:
    steps = np.diff(numbers, prepend=0.0).astype("<i4")
    planes = steps.view(np.uint8).reshape(-1, 4).T
    return base64.b64encode(zlib.compress(planes.tobytes(), 6)).decode("ascii")
