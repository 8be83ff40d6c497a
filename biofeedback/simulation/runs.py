"""A protocol × personas × seeds, each a whole session in virtual time, with its outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from acquisition.simulated.persona import PERSONAS
from biofeedback.analysis.goals import recorded_goals
from biofeedback.analysis.measures import baseline_of, phase_table
from biofeedback.analysis.phases import RecordedPhase, duration_s, numeric, phases, texts, valid_feature
from biofeedback.analysis.session_log import held_spans
from biofeedback.commands import Command, Cue
from biofeedback.errors import SessionFault
from biofeedback.recording.reader import Recording, read_recording
from biofeedback.session import SessionConfig, run_session
from protocols.phases import EngagePhase, LeadPhase, Stretch
from protocols.schema import Protocol

FloatArray = npt.NDArray[np.float64]

REFERENCE_S = 60.0
LEAST_REFERENCE = 30
"""The reference is the median of so many seconds before the lead, as it is for the gate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Figures of one session; None where a figure does not apply.

    Attributes
    ----------
    duration_s : float
        Length of the session.
    in_target : float or None
        0 to 1: share of the leads' valid seconds with activation at or below the reference (at or above it
        where the lead is upward); None without a lead or a baseline.
    holds, step_backs, plateaus : int
        How often a lead was held, went back, and stayed to ask.
    limited : int
        Decisions in which the limit of tempo allowed less than was wanted.
    hr_start_bpm, hr_end_bpm : float or None
        Mean heart rate of the baseline (else of the first phase with one), and of the last phase with music
        (else of the last).
    hr_change_bpm : float or None
        End minus start; None where both are the same phase.
    activation_end : float or None
        Mean activation of that last phase; 0 is the baseline.
    breathing_start, breathing_end : float or None
        Breaths per minute in the same phases.
    questions : int
        Questions put to the therapist or the listener.
    goals_reached, goals : int
        Goals reached, of how many that the protocol has.
    ended : str
        Why the session ended.
    """

    duration_s: float
    in_target: float | None
    holds: int
    step_backs: int
    plateaus: int
    limited: int
    hr_start_bpm: float | None
    hr_end_bpm: float | None
    hr_change_bpm: float | None
    activation_end: float | None
    breathing_start: float | None
    breathing_end: float | None
    questions: int
    goals_reached: int
    goals: int
    ended: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traces:
    """Time series of a session for plots; NaN where there is no valid value.

    Attributes
    ----------
    times_s, hr_bpm, activation : ndarray, shape (n,)
        The features table.
    asked_s, tempo_bpm : ndarray, shape (m,)
        When which tempo was asked for; NaN for silence.
    phases : tuple of RecordedPhase
        In order of time.
    held : tuple of (float, float)
        When a lead was held.
    """

    times_s: FloatArray
    hr_bpm: FloatArray
    activation: FloatArray
    asked_s: FloatArray
    tempo_bpm: FloatArray
    phases: tuple[RecordedPhase, ...]
    held: tuple[tuple[float, float], ...]


def outcome(protocol: Protocol, recording: Recording) -> Outcome:
    """Return the figures of a recorded session."""
    table = phase_table(recording)
    first = baseline_of(table) or next((row for row in table if row["hr"].number is not None), None)
    sounding = {phase.name for phase in protocol.stretches if phase.sounds}
    lasts = [row for row in table if row.phase.name in sounding] or [
        row for row in table if row.phase.kind != "end"
    ]
    last = lasts[-1] if lasts else None
    before, after = (row["hr"].number if row else None for row in (first, last))
    terms = [decision.get("terms") or {} for _, decision in texts(recording, "decisions")]
    goals = recorded_goals(recording)
    return Outcome(
        duration_s=duration_s(recording),
        in_target=_in_target(protocol, recording),
        holds=_entries(terms, "holding"),
        step_backs=_rises(terms, "step_backs"),
        plateaus=_entries(terms, "plateau"),
        limited=sum(bool(term.get("limited")) for term in terms),
        hr_start_bpm=before,
        hr_end_bpm=after,
        hr_change_bpm=None if before is None or after is None or first is last else after - before,
        activation_end=last["activation"].number if last else None,
        breathing_start=first["breathing"].number if first else None,
        breathing_end=last["breathing"].number if last else None,
        questions=sum(marker.get("type") == "question" for _, marker in texts(recording, "markers")),
        goals_reached=sum(goal.outcome == "reached" for goal in goals),
        goals=len(goals),
        ended=str((recording.meta.get("end") or {}).get("reason", "not closed")),
    )


def traces(recording: Recording) -> Traces:
    """Return the traces of a recorded session."""
    times, hr = numeric(recording, "features", "hr_bpm")
    _, activation = numeric(recording, "features", "activation")
    asked, tempo = numeric(recording, "music", "tempo_bpm")
    _, sounding = numeric(recording, "music", "sounding")
    return Traces(
        times_s=times,
        hr_bpm=hr,
        activation=activation,
        asked_s=asked,
        tempo_bpm=np.where(sounding > 0, tempo, np.nan),
        phases=phases(recording),
        held=tuple(held_spans(recording)),
    )


def _in_target(protocol: Protocol, recording: Recording) -> float | None:
    upward = {
        phase.name: phase.direction == "up" for phase in protocol.stretches if isinstance(phase, LeadPhase)
    }
    times, activation = valid_feature(recording, "activation")
    inside = valid = 0
    for lead in (phase for phase in phases(recording) if phase.name in upward):
        before = activation[(times > lead.begin_s - REFERENCE_S) & (times <= lead.begin_s)]
        if before.size < LEAST_REFERENCE:
            continue
        during, reference = activation[lead.holds(times)], np.median(before)
        reached = during >= reference if upward[lead.name] else during <= reference
        inside, valid = inside + int(reached.sum()), valid + during.size
    return inside / valid if valid else None


def _entries(terms: Sequence[Mapping[str, Any]], state: str) -> int:
    """Return how often the gate entered a state."""
    states = [None, *(term.get("gate") for term in terms)]
    return sum(now == state != before for before, now in pairwise(states))


def _rises(terms: Sequence[Mapping[str, Any]], count: str) -> int:
    """Return the sum of all increases of a count that is reset in between."""
    counts = [0, *(int(term.get(count) or 0) for term in terms)]
    return sum(max(0, now - before) for before, now in pairwise(counts))


CUE_AFTER_S = 600.0
"""A phase that waits for a cue gets it after so long at the latest: nobody is there to give it."""

FEELING_PAIN = "pain-event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One session to simulate.

    Attributes
    ----------
    protocol : Protocol
        The protocol.
    persona : str
        One of `acquisition.simulated.persona.PERSONAS`.
    seed : int
        Seed of the person and the music.
    kappa : float
        Factor on every effect of music; 0 is the null.
    directory : Path or None
        Where its recording is kept; None for nowhere.
    """

    protocol: Protocol
    persona: str
    seed: int
    kappa: float = 1.0
    directory: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What came of it.

    Attributes
    ----------
    trial : Trial
        What was simulated.
    outcome : Outcome
        Its figures.
    traces : Traces
        Its course.
    cpu_s : float
        Seconds of processor time that the session took.
    fault : str
        What failed; empty where nothing did.
    """

    trial: Trial
    outcome: Outcome
    traces: Traces
    cpu_s: float
    fault: str


def simulate_all(
    trials: Sequence[Trial], *, workers: int, progress: Callable[[int, str], None] = lambda _n, _word: None
) -> tuple[Simulated, ...]:
    """Simulate sessions in worker processes.

    Parameters
    ----------
    trials : sequence of Trial
        What to simulate.
    workers : int
        How many processes; 1 simulates in this one.
    progress : callable, optional
        Told how many are done and which was the last.

    Returns
    -------
    tuple of Simulated
        In the order of the trials, whatever order they were done in.

    Raises
    ------
    SpecError
        For an unknown persona.
    """
    done: dict[int, Simulated] = {}
    for number, result in _results(trials, workers):
        done[number] = result
        progress(len(done), f"{result.trial.protocol.id}, {result.trial.persona}")
    return tuple(done[number] for number in range(len(trials)))


def _results(trials: Sequence[Trial], workers: int) -> Iterator[tuple[int, Simulated]]:
    if workers == 1:
        yield from ((number, simulate(trial)) for number, trial in enumerate(trials))
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(simulate, trial): number for number, trial in enumerate(trials)}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def simulate(trial: Trial) -> Simulated:
    """Carry out one session and return its outcome; a session that fails is reported, not raised.

    Raises
    ------
    SpecError
        For an unknown persona.
    """
    with TemporaryDirectory(prefix="biofeedback-") as scratch:
        directory = trial.directory or Path(scratch) / "session"
        plan = SessionConfig(
            protocol=trial.protocol,
            inputs=(listener_spec(trial),),
            directory=directory,
            seed=trial.seed,
            keep_sound=False,
            script=tuple(script(trial.protocol)),
            about={"simulated": True},
        )
        fault, began = "", time.process_time()
        try:
            run_session(plan, watch=lambda _: None)
        except SessionFault as error:
            fault = str(error)
        cpu_s = time.process_time() - began
        recording = read_recording(directory)
        return Simulated(
            trial=trial,
            outcome=outcome(trial.protocol, recording),
            traces=traces(recording),
            cpu_s=cpu_s,
            fault=fault,
        )


def listener_spec(trial: Trial) -> str:
    """Return the input specification of a trial's listener."""
    options = f"kappa={trial.kappa:g}"
    if trial.persona == FEELING_PAIN:
        options += f"&pain_at={_middle_s(trial.protocol):g}"
    return f"listener=virtual:{trial.persona}?{options}"


def script(protocol: Protocol) -> Iterator[tuple[float, Command]]:
    """Yield the cues that phases wait for, each 10 min after its phase began or when it would end anyway."""
    for begin_s, end_s, phase in _stretches(protocol):
        if phase.until is not None and end_s < begin_s + phase.duration_s:
            yield end_s, Cue(cue=phase.until.cue)


def _stretches(protocol: Protocol) -> Iterator[tuple[float, float, Stretch]]:
    """Yield when each phase begins and ends if its cue comes as scripted."""
    begin_s = 0.0
    for phase in protocol.stretches:
        length_s = phase.duration_s if phase.until is None else min(phase.duration_s, CUE_AFTER_S)
        yield begin_s, begin_s + length_s, phase
        begin_s += length_s


def _middle_s(protocol: Protocol) -> float:
    """Return when pain begins: amid the procedure, which is the last phase of pain distraction that waits.

    Without one, amid the session.
    """
    spans = [*_stretches(protocol)]
    procedures = [span for span in spans if isinstance(span[2], EngagePhase) and span[2].until is not None]
    begin_s, end_s = procedures[-1][:2] if procedures else (0.0, spans[-1][1])
    return round((begin_s + end_s) / 2)


def every_persona() -> tuple[str, ...]:
    """Return the personas that are somebody; the population is a mix of them."""
    return tuple(name for name in PERSONAS if name != "population")
