"""The host of sessions: one at a time, from opening the sensors to the closed recording.

It owns the main thread. Other threads hand it orders and read what it last made known; nothing that they do
is waited for.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acquisition.streams import Source
from biofeedback.commands import Answer, EmergencyStop, Origin, Volume
from biofeedback.errors import SessionFault
from biofeedback.inbox import Inbox
from biofeedback.models import STEPS_PER_SECOND, Snapshot
from biofeedback.recording.recorder import XDF_NAME
from biofeedback.service.background import in_background
from biofeedback.service.glance import glance
from biofeedback.service.intents import REFUSALS, Intents
from biofeedback.service.live import Hub
from biofeedback.service.orders import (
    CheckSensors,
    Close,
    ConfirmComfort,
    HostOrder,
    Ordered,
    Prepare,
    SoundCheck,
    Start,
)
from biofeedback.service.preparation import Intent, Preparation, open_preparation
from biofeedback.service.stages import LEADS_TO, OPEN, Stage, refusal
from biofeedback.service.views import AudioView, EngineView, RecordingView, SessionView, State
from biofeedback.session import run_session
from generator.live.backend import BackEnd

log = logging.getLogger("biofeedback.service")

STEP_S = 1.0 / STEPS_PER_SECOND
GLANCE_EVERY = 5
"""Steps between two states on a live screen: four a second."""

IDLE_S = 0.2


@dataclass(frozen=True, slots=True)
class _Waiting:
    ordered: Ordered
    origin: Origin


class Host:
    """Carries out one session after another.

    Parameters
    ----------
    intents : Intents
        Understands orders: protocols, set-ups, clients.
    hub : Hub
        Where live screens are fed.
    clock, sleep : callable
        Engine time in seconds, and waiting: ``pylsl.local_clock``, ``time.sleep``.
    version : str
        Of the program.
    """

    def __init__(self, intents: Intents, hub: Hub, *, clock: Callable[[], float], version: str) -> None:
        self._intents = intents
        self._hub = hub
        self._clock = clock
        self._version = version
        self._lock = threading.Lock()
        self._orders: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._ledger = intents.ledger
        self._stage: Stage = "idle"
        self._trouble = ""
        self._beat_s = clock()
        self._leaving = False
        self._intent: Intent | None = None
        self._opening: Future[tuple[list[Source], BackEnd]] | None = None
        self._preparation: Preparation | None = None
        self._inbox: Inbox | None = None
        self._snapshot: Snapshot | None = None
        self._directory: Path | None = None
        self._bytes = 0
        self._end_reason = ""
        self._told: list[dict[str, Any]] = []
        self._steps = 0
        self._due_s = 0.0

    # What other threads call.

    def order(self, ordered: Ordered, *, origin: Origin) -> Future[Answer]:
        """Take an order from any thread; the answer comes when the main thread has taken it in.

        An emergency stop acts before this returns. A key that is known gives the first answer again.
        """
        with self._lock:
            promise = self._ledger.find(ordered.key)
            if promise is not None:
                return promise
            promise = self._ledger.enter(ordered.key)
            command, inbox = ordered.command, self._inbox
            if inbox is None:
                self._hasten(ordered)
                self._orders.put(_Waiting(ordered, origin))
                return promise
            if isinstance(command, HostOrder):
                self._ledger.answer(ordered.key, Answer(False, refusal(command.name, self._stage)))
                return promise
        # Outside the lock: the answer may come from the main thread while this waits for the player.
        inbox.put(command, origin=origin, key=ordered.key)
        return promise

    def _hasten(self, ordered: Ordered) -> None:
        preparation = self._preparation
        if isinstance(ordered.command, EmergencyStop) and preparation is not None and preparation.sound:
            preparation.sound.stop()

    def leave(self) -> None:
        """Ask the main thread to come to its end; a session that runs fades first, asked twice it falls silent."""
        self._leaving = True
        if self._inbox is not None:
            self._inbox.interrupt()
        self._orders.put(None)

    def state(self) -> State:
        """Return all there is to know now; any thread may ask."""
        return State(engine=self._engine_view(), session=self._session_view())

    def _engine_view(self) -> EngineView:
        return EngineView(
            version=self._version,
            stage=self._stage,
            trouble=self._trouble,
            heartbeat_s=round(max(0.0, self._clock() - self._beat_s), 3),
            clients_watching=self._hub.watching,
        )

    def _session_view(self) -> SessionView | None:
        intent, preparation, snapshot = self._intent, self._preparation, self._snapshot
        if intent is None:
            return None
        back_end = None if preparation is None else preparation.back_end
        sound = None if preparation is None else preparation.sound
        return SessionView(
            client=intent.order.client,
            protocol=self._intents.protocol_view(intent.protocol),
            inputs=intent.inputs,
            audio=back_end and AudioView(kind=back_end.kind, name=back_end.name, why=back_end.why),
            lights=() if preparation is None or snapshot is None else preparation.lights(snapshot),
            comfort_db=None if preparation is None else preparation.comfort_db,
            sound_check=sound.progress if sound is not None and sound.playing else None,
            consent_needed=self._intents.consent_needed(intent),
            recording=self._recording_view(),
            snapshot=snapshot,
            end_reason=self._end_reason,
        )

    def _recording_view(self) -> RecordingView | None:
        directory = self._directory
        if directory is None:
            return None
        return RecordingView(session_id=directory.name, directory=str(directory), bytes=self._bytes)

    # The main thread.

    def serve(self) -> None:
        """Carry out orders until `leave` is called."""
        while not self._leaving:
            self._due_s = max(self._due_s + STEP_S, self._clock())
            self._take_orders(self._due_s if self._stage in (*OPEN, "preparing") else self._clock() + IDLE_S)
            self._beat_s = self._clock()
            if self._stage == "preparing":
                self._look_whether_open()
            elif self._stage in OPEN:
                self._step_preparation()
            elif self._stage == "running":
                self._run()
        if self._preparation is not None:
            self._preparation.close()

    def _take_orders(self, until_s: float) -> None:
        while not self._leaving and self._stage != "running":
            try:
                waiting = self._orders.get(timeout=max(0.0, until_s - self._clock()))
            except queue.Empty:
                return
            if waiting is not None:
                self._carry_out(waiting)

    def _carry_out(self, waiting: _Waiting) -> None:
        command, key = waiting.ordered.command, waiting.ordered.key
        try:
            answer = self._obey(command)
        except REFUSALS as error:
            answer = Answer(False, str(error))
        except Exception:
            log.exception("the order %r failed", command.name)
            answer = Answer(False, "That failed inside the engine; its log says why.")
        self._told.append(
            {
                **command.record(),
                "origin": waiting.origin,
                "key": key,
                "accepted": answer.accepted,
                "answer": answer.text,
            }
        )
        if answer.accepted and command.name in LEADS_TO:
            self._enter(LEADS_TO[command.name][self._stage])
        self._ledger.answer(key, answer)

    def _enter(self, stage: Stage) -> None:
        """Change the stage; from ``running`` on, orders go to the session's inbox."""
        with self._lock:
            self._stage = stage
            self._inbox = Inbox(self._hear_answer) if stage == "running" else None

    def _hear_answer(self, key: str, accepted: bool, text: str) -> None:  # noqa: FBT001 - the inbox calls it so
        self._ledger.answer(key, Answer(accepted, text))

    def _obey(self, command: Any) -> Answer:
        if isinstance(command, HostOrder):
            if self._stage not in LEADS_TO[command.name]:
                return Answer(False, refusal(command.name, self._stage))
            match command:
                case Prepare():
                    return self._prepare(command)
                case CheckSensors():
                    return self._check_sensors()
                case SoundCheck():
                    return self._check_sound(command)
                case ConfirmComfort():
                    return self._confirm(command)
                case Start():
                    return self._start(command)
                case Close():
                    return self._close()
        if isinstance(command, Volume) and self._preparation is not None and self._preparation.sound:
            self._preparation.sound.volume(command.db)
            return Answer(True, f"The sound check plays at {command.db:g} dB.")
        if isinstance(command, EmergencyStop) and self._preparation is not None and self._preparation.sound:
            return Answer(True, "The sound check is silenced at once.")
        return Answer(False, f"No session is running: the engine is {self._stage}.")

    def _prepare(self, order: Prepare) -> Answer:
        self._forget()
        intent = self._intents.understand(order)
        self._intent = intent
        self._opening = in_background(lambda: open_preparation(intent))
        return Answer(True, "The sensors and the sound device are being opened.")

    def _look_whether_open(self) -> None:
        opening, intent = self._opening, self._intent
        if opening is None or intent is None or not opening.done():
            return
        self._opening = None
        try:
            sources, back_end = opening.result()
            self._preparation = Preparation(intent, sources, back_end, self._clock())
        except Exception as error:
            if not isinstance(error, REFUSALS):
                log.exception("opening the sensors failed")
            self._forget()
            self._trouble = str(error) or type(error).__name__
            self._enter("idle")
            return
        self._enter("prepared")

    def _step_preparation(self) -> None:
        preparation = self._preparation
        if preparation is None:
            return
        try:
            self._snapshot = preparation.step(self._clock())
        except Exception as error:
            if not isinstance(error, REFUSALS):
                log.exception("a sensor or the sound check failed")
            self._trouble = str(error) or type(error).__name__
            preparation.close()
            self._forget(trouble=self._trouble)
            self._enter("idle")
            return
        self._show(preparation, self._snapshot)

    def _check_sensors(self) -> Answer:
        assert self._preparation is not None
        self._preparation.check_anew(self._clock())
        return Answer(True, "The sensors are looked at afresh; nothing is recorded.")

    def _check_sound(self, order: SoundCheck) -> Answer:
        assert self._preparation is not None
        self._preparation.begin_sound_check(order.level_db)
        where = self._preparation.back_end
        unheard = " Nobody hears it: there is no sound device." if where.kind == "paced" else ""
        return Answer(True, f"Ten seconds sound as loud as the session will be.{unheard}")

    def _confirm(self, order: ConfirmComfort) -> Answer:
        assert self._preparation is not None
        self._preparation.comfort_db = order.volume_db
        self._preparation.end_sound_check()
        return Answer(True, f"No session goes above {order.volume_db:g} dB now.")

    def _start(self, order: Start) -> Answer:
        assert self._intent is not None
        if not order.cautions_confirmed and self._intent.protocol.cautions:
            return Answer(False, "The cautions of the protocol must be confirmed before the start.")
        if not order.consent_confirmed and self._intents.consent_needed(self._intent):
            return Answer(False, "The client's consent must be confirmed before the start.")
        self._directory = self._intents.new_directory(self._intent)
        return Answer(True, "The session begins; from now on it is recorded.")

    def _close(self) -> Answer:
        if self._opening is not None:
            self._opening.add_done_callback(_close_what_opened)
        if self._preparation is not None:
            self._preparation.close()
        self._forget()
        return Answer(True, "The sensors are let go.")

    def _forget(self, trouble: str = "") -> None:
        self._intent = self._opening = self._preparation = self._snapshot = self._directory = None
        self._bytes = self._steps = 0
        self._end_reason, self._trouble = "", trouble
        self._told = []

    def _run(self) -> None:
        """Carry out the session, to its closed recording."""
        preparation, inbox, directory = self._preparation, self._inbox, self._directory
        assert preparation is not None
        assert inbox is not None
        assert directory is not None
        preparation.tap = type(preparation.tap)(preparation.streams)
        plan = preparation.plan(directory, {"told_before": self._told})
        trouble = ""
        try:
            self._end_reason = run_session(
                plan, watch=self._watch, inbox=inbox, opened=preparation.hand_over(), tap=preparation.tap
            )
        except (SessionFault, *REFUSALS) as error:
            trouble = str(error)
        except Exception as error:
            log.exception("the session failed")
            trouble = f"the session failed: {error}"
        with self._lock:
            self._inbox = None
            self._stage = "closing"
            self._ledger.answer_all(Answer(False, "The session is over."))
        self._trouble, self._end_reason = trouble, self._end_reason or trouble
        if not (directory / XDF_NAME).exists():
            self._forget(trouble=trouble)
            self._enter("idle")
            return
        self._bytes = (directory / XDF_NAME).stat().st_size
        self._enter("closed")

    def _watch(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._beat_s = self._clock()
        try:
            if self._steps % STEPS_PER_SECOND == 0 and self._directory is not None:
                self._bytes = (self._directory / XDF_NAME).stat().st_size
            if self._preparation is not None:
                self._show(self._preparation, snapshot)
        except Exception:  # a screen must never end a session
            log.exception("a live screen could not be fed")

    def _show(self, preparation: Preparation, snapshot: Snapshot) -> None:
        """Feed the live screens, if anybody watches."""
        self._steps += 1
        frame = preparation.tap.frame()
        if not self._hub.watching:
            return
        frame |= {"t": round(snapshot.t, 3), "elapsed_s": round(snapshot.elapsed_s, 3)}
        if self._steps % GLANCE_EVERY == 0 or snapshot.finished:
            sound = preparation.sound
            frame["state"] = glance(
                snapshot,
                stage=self._stage,
                lights=preparation.lights(snapshot),
                sound_check=sound.progress if sound is not None and sound.playing else None,
                recorded_bytes=self._bytes,
            )
        self._hub.publish(frame)


def _close_what_opened(opening: Future[tuple[list[Source], BackEnd]]) -> None:
    if opening.exception() is None:
        for source in opening.result()[0]:
            source.close()
