"""Which of the streams physiology is told of."""

from __future__ import annotations

from collections.abc import Sequence

from acquisition.files.recordings import RecordingSource, missing_stretches
from acquisition.streams import Chunk, FloatArray, Kind, Source, StreamInfo
from biofeedback.errors import UsageError
from physiology.pipeline import Physiology, SignalConfig

LONG_GAP_S = 3.0
"""Without a beat for longer, heart rate is no longer believed (Orphanidou 2015)."""

UNDERSTOOD = frozenset({Kind.ECG, Kind.PPG, Kind.EDA, Kind.RSP, Kind.RR, Kind.HR})


def physiological_streams(sources: Sequence[Source]) -> tuple[StreamInfo, ...]:
    """Return the first stream of each kind that physiology understands.

    A second stream of a kind is recorded and not listened to.

    Raises
    ------
    UsageError
        If no stream is one physiology understands.
    """
    chosen: dict[Kind, StreamInfo] = {}
    for source in sources:
        for stream in source.streams:
            if stream.kind in UNDERSTOOD:
                chosen.setdefault(stream.kind, stream)
    if not chosen:
        kinds = ", ".join(sorted(UNDERSTOOD))
        raise UsageError(f"no input is physiological; at least one must be of kind {kinds}")
    return tuple(chosen.values())


def assumed_units(streams: Sequence[StreamInfo]) -> list[str]:
    """Return a line for each stream whose unit nothing states, and that is taken for the usual one."""
    return [
        f"{stream.name}: nothing states its unit; it is taken for µS (state another, as in ...?unit=uS)"
        for stream in streams
        if stream.kind is Kind.EDA and stream.unit == "a.u."
    ]


def build_physiology(streams: Sequence[StreamInfo], *, scr_threshold_us: float = 0.05) -> Physiology:
    """Return a Physiology for these streams, with the least amplitude of a skin conductance response."""
    return Physiology(
        [
            SignalConfig(
                kind=stream.kind.value,
                rate_hz=stream.rate_hz,
                unit=stream.unit,
                labels=stream.labels if stream.kind is Kind.PPG else ("",),
            )
            for stream in streams
        ],
        scr_threshold_us=scr_threshold_us,
    )


def heard(chunk: Chunk) -> FloatArray:
    """Return the samples physiology is told: all channels of a pulse, else the first."""
    return chunk.samples if chunk.stream.kind is Kind.PPG else chunk.samples[:, 0]


def recorded_seconds(sources: Sequence[Source]) -> float:
    """Return the engine time at which the last of several recordings ends.

    Raises
    ------
    UsageError
        If one of the sources never ends.
    """
    ends = []
    for source in sources:
        if not isinstance(source, RecordingSource):
            raise UsageError("a virtual listener never ends; give recordings, such as ecg=rec.csv:ecg_mV@360")
        ends.append(float(source.times[-1]))
    return max(ends)


def long_gaps(sources: Sequence[Source], longer_than_s: float) -> list[str]:
    """Return a line for each stretch of missing signal in recordings of waveforms, longest stretches only."""
    lines = []
    for source in sources:
        if not isinstance(source, RecordingSource):
            continue
        (stream,) = source.streams
        if stream.rate_hz == 0:
            continue
        for begin, end in missing_stretches(source.times, source.values, stream.rate_hz):
            if end - begin > longer_than_s:
                lines.append(f"{stream.name} is missing from {begin:.1f} to {end:.1f} s")
    return lines
