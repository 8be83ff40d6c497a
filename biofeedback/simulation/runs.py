"""A protocol × personas × seeds, each a whole session in virtual time, in worker processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from acquisition.simulated.persona import PERSONAS
from biofeedback.commands import Command, Cue
from biofeedback.errors import SessionFault
from biofeedback.recording.reader import read_recording
from biofeedback.session import SessionConfig, run_session
from biofeedback.simulation.outcome import Outcome, Traces, outcome, traces
from protocols.phases import EngagePhase, Stretch
from protocols.schema import Protocol

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
