"""The way into the closed loop: open inputs, read what they deliver, and feed physiology with it.

The session, its preparation, the sensor check, the analysis of recordings and imports all read sources
through this module.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from acquisition.files.recordings import RecordingSource, missing_stretches
from acquisition.injected_faults import InjectedFault, inject
from acquisition.sources import open_sources
from acquisition.streams import (
    Chunk,
    ClockPair,
    Kind,
    LiveSource,
    Mark,
    MarkerSource,
    MusicListener,
    Source,
    SourceIncident,
    Status,
    StreamInfo,
)
from biofeedback.errors import UsageError
from biofeedback.events import ExternalMarker, SessionMarker, SourceMarker
from biofeedback.recording.recorder import Recorder
from biofeedback.setups import Setup
from physiology.pipeline import Physiology, PhysiologyUpdate, SignalConfig

LONG_GAP_S = 3.0
"""Without a beat for longer, heart rate is no longer believed (Orphanidou 2015)."""

UNDERSTOOD = frozenset({Kind.ECG, Kind.PPG, Kind.EDA, Kind.RSP, Kind.RR, Kind.HR})
"""The kinds of stream that physiology analyses; the others are recorded only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What all sources delivered since the read before.

    Attributes
    ----------
    chunks : tuple of Chunk
        Samples.
    clock_pairs : tuple of ClockPair
        Readings of a source's clock against engine time.
    marks : tuple of Mark
        Marks of other programs.
    incidents : tuple of SourceIncident
        Losses, returns and other events of live sources.
    """

    chunks: tuple[Chunk, ...] = ()
    clock_pairs: tuple[ClockPair, ...] = ()
    marks: tuple[Mark, ...] = ()
    incidents: tuple[SourceIncident, ...] = ()


class OpenSources(ExitStack):
    """Sources that are open, read as one; closing it closes them all, whichever of them fails to.

    Parameters
    ----------
    sources : sequence of Source
        They belong to this object from now on.

    Attributes
    ----------
    streams : tuple of StreamInfo
        Those of all sources, in their order.
    names : mapping of str to str
        The name of each stream, by its id.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        super().__init__()
        for source in sources:
            self.callback(source.close)
        self._sources = tuple(sources)
        # Asked once: `isinstance` of a runtime protocol takes longer than most steps.
        self._marking = tuple(source for source in sources if isinstance(source, MarkerSource))
        self._live = tuple(source for source in sources if isinstance(source, LiveSource))
        self._listeners = tuple(source for source in sources if isinstance(source, MusicListener))
        self._deferred = Batch()
        self.streams = tuple(stream for source in sources for stream in source.streams)
        self.names: Mapping[str, str] = {stream.stream_id: stream.name for stream in self.streams}

    @property
    def live(self) -> bool:
        """Whether a device is behind each source."""
        return len(self._live) == len(self._sources)

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more from any source."""
        return all(source.ended for source in self._sources)

    def begin(self, t0_s: float) -> None:
        """Start at engine time `t0_s`: recordings begin there, live sources drop what was sampled before."""
        for source in self._sources:
            source.begin(t0_s)

    def read(self, t: float) -> Batch:
        """Return all that has arrived up to engine time `t` and was not read before."""
        deferred, self._deferred = self._deferred, Batch()
        return Batch(
            chunks=(*deferred.chunks, *(chunk for source in self._sources for chunk in source.read(t))),
            clock_pairs=(
                *deferred.clock_pairs,
                *(x for source in self._sources for x in source.clock_pairs()),
            ),
            marks=(*deferred.marks, *(mark for source in self._marking for mark in source.marks())),
            incidents=(*deferred.incidents, *(what for source in self._live for what in source.incidents())),
        )

    def defer(self, batch: Batch) -> None:
        """Return what was read already once more with the next read, before what is new then."""
        self._deferred = batch

    def statuses(self) -> dict[str, Status]:
        """Return the status of each live stream by the stream's name, as of the last read."""
        return {self.names[status.stream_id]: status for source in self._live for status in source.statuses()}

    def observe_music(self, t: float, sounded: Mapping[str, float] | None) -> None:
        """Tell virtual listeners what sounded in the step that ended at engine time `t`."""
        for source in self._listeners:
            source.observe_music(t, sounded)


def open_inputs(
    specs: Sequence[str],
    *,
    seed: int,
    live: bool,
    faults: Sequence[InjectedFault] = (),
    setup: Setup | None = None,
) -> OpenSources:
    """Open inputs and check that a session can be carried out with them; on an error nothing stays open.

    Parameters
    ----------
    specs : sequence of str
        Input specifications, ``KIND=WHERE``.
    seed : int
        Of virtual listeners and injected faults.
    live : bool
        Whether devices may be opened.
    faults : sequence of InjectedFault
        Faults to inject.
    setup : Setup, optional
        The sensor set-up that the inputs must match.

    Raises
    ------
    AcquisitionError
        If an input cannot be opened, or a fault is for a stream that does not exist.
    UsageError
        If the streams are not those the set-up expects, or none is physiological.
    SignalError
        If physiology cannot analyse a stream, as for its unit.
    """
    with ExitStack() as stack:
        sources = open_sources(specs, seed=seed, live=live)
        for source in sources:
            stack.callback(source.close)
        if setup is not None:
            setup.require(sources)
        opened = OpenSources(inject(sources, faults, seed=seed))
        build_physiology(physiological_streams(opened.streams))
        stack.pop_all()
    return opened


@dataclass(frozen=True, slots=True)
class IntakeStep:
    """What came in during one step, and what physiology found in it."""

    batch: Batch
    update: PhysiologyUpdate


class SignalIntake:
    """Reads sources and feeds physiology.

    Parameters
    ----------
    sources : OpenSources
        What is read.
    listened_to : sequence of StreamInfo, optional
        The streams that physiology is fed; by default the first of each kind it understands. With none,
        physiology reports nothing.
    scr_threshold_us : float
        Least amplitude of a skin conductance response, in µS.
    behind_s : float
        How far physiology stays behind engine time, so that samples which take a moment to arrive are
        there when their time is analysed.

    Raises
    ------
    UsageError
        If `listened_to` is not given and no stream is physiological.
    SignalError
        If a stream has a unit or rate that physiology does not take.

    Attributes
    ----------
    sources : OpenSources
        As given.
    listened_to : tuple of StreamInfo
        The streams that physiology is fed.
    physiology : Physiology
        What is fed.
    """

    def __init__(
        self,
        sources: OpenSources,
        *,
        listened_to: Sequence[StreamInfo] | None = None,
        scr_threshold_us: float = 0.05,
        behind_s: float = 0.0,
    ) -> None:
        chosen = physiological_streams(sources.streams) if listened_to is None else listened_to
        self.sources = sources
        self.listened_to = tuple(chosen)
        self.physiology = build_physiology(chosen, scr_threshold_us=scr_threshold_us)
        self._ids = frozenset(stream.stream_id for stream in chosen)
        self._behind_s = behind_s

    def step(self, t: float) -> IntakeStep:
        """Read the sources up to engine time `t` and return what came and what physiology found."""
        batch = self.sources.read(t)
        if not self._ids:
            return IntakeStep(batch, PhysiologyUpdate((), (), ()))
        for chunk in batch.chunks:
            if chunk.stream.stream_id in self._ids:
                kind = chunk.stream.kind
                # Physiology chooses between the channels of a pulse; of all else it takes the first.
                values = chunk.samples if kind is Kind.PPG else chunk.samples[:, 0]
                self.physiology.push(kind.value, chunk.times, values)
        return IntakeStep(batch, self.physiology.step(t - self._behind_s))


def step_times(end_s: float, *others: float) -> list[float]:
    """Return the times of the steps through recordings that end at `end_s`: each second, others, the last.

    Physiology's ticks are 0.1 s apart: the last step needs to come no later than the tick after `end_s`.
    """
    return sorted({*map(float, range(math.ceil(end_s))), math.ceil(end_s * 10) / 10, *others})


def record_step(recorder: Recorder, t: float, step: IntakeStep) -> None:
    """Append what a step brought in to the recording, except the markers of `source_markers`."""
    for chunk in step.batch.chunks:
        recorder.raw(chunk)
    for pair in step.batch.clock_pairs:
        recorder.clock(t, pair)
    for mark in step.batch.marks:
        recorder.mark(mark)
    recorder.beats(step.update.beats)
    recorder.scrs(step.update.scrs)
    for state in step.update.states:
        recorder.features(state)


def source_markers(batch: Batch, names: Mapping[str, str], t0_s: float) -> Iterator[SessionMarker]:
    """Yield the marker of each mark and incident of a batch.

    Parameters
    ----------
    batch : Batch
        What was read.
    names : mapping of str to str
        Names of streams by their ids.
    t0_s : float
        Engine time of the session's start, from which ``at_s`` counts; negative before it.
    """
    for mark in batch.marks:
        at_s = round(mark.time_s - t0_s, 4)
        yield ExternalMarker(stream=names[mark.stream_id], text=mark.text, at_s=at_s)
    for incident in batch.incidents:
        name, at_s = names[incident.stream_id], round(incident.engine_time_s - t0_s, 4)
        yield SourceMarker(stream=name, text=f"{name}: {incident.text}", at_s=at_s)


def physiological_streams(streams: Sequence[StreamInfo]) -> tuple[StreamInfo, ...]:
    """Return the first stream of each kind that physiology understands.

    A second stream of a kind is recorded and not analysed.

    Raises
    ------
    UsageError
        If no stream is one physiology understands.
    """
    chosen: dict[Kind, StreamInfo] = {}
    for stream in streams:
        if stream.kind in UNDERSTOOD:
            chosen.setdefault(stream.kind, stream)
    if not chosen:
        kinds = ", ".join(sorted(UNDERSTOOD))
        raise UsageError(f"no input is physiological; at least one must be of kind {kinds}")
    return tuple(chosen.values())


def build_physiology(streams: Sequence[StreamInfo], *, scr_threshold_us: float = 0.05) -> Physiology:
    """Return a Physiology for these streams, with the least amplitude of a skin conductance response in µS.

    Raises
    ------
    SignalError
        If a stream has a unit or rate that physiology does not take.
    """
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


def long_gaps(sources: Sequence[Source]) -> list[str]:
    """Return a line for each stretch of more than `LONG_GAP_S` without signal in recordings of waveforms."""
    recordings = [source for source in sources if isinstance(source, RecordingSource)]
    return [
        f"{stream.name} is missing from {begin:.1f} to {end:.1f} s"
        for source in recordings
        for stream in source.streams
        if stream.rate_hz > 0
        for begin, end in missing_stretches(source.times, source.values, stream.rate_hz)
        if end - begin > LONG_GAP_S
    ]
