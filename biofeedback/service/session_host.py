"""The host of sessions: one at a time, from opening the sensors to the closed recording.

It owns the main thread. Other threads give it commands and read its newest state; it never waits for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biofeedback.catalog import Catalog
from biofeedback.commands import Answer, EmergencyStop, Hold, Origin, Stop, Volume
from biofeedback.errors import NotFoundError
from biofeedback.models import STEPS_PER_SECOND, Snapshot
from biofeedback.recording.storage import XDF_NAME
from biofeedback.service.command_queue import CommandQueue, Waiting, in_background
from biofeedback.service.error_log import REFUSALS, message_of, report_error
from biofeedback.service.live_feed import Broadcaster
from biofeedback.service.live_state import TempoHistory, arc_of, live_state, session_view
from biofeedback.service.renderers import InstrumentRenderer, ReportRenderer
from biofeedback.service.requests import (
    LEADS_TO,
    OPEN,
    CheckSensors,
    Close,
    CommandRequest,
    ConfirmComfort,
    HostOrder,
    Prepare,
    SessionRequest,
    SoundCheck,
    Stage,
    Start,
    refusal,
    resolve,
)
from biofeedback.service.schemas import ArcView, EngineView, SamplesView, State
from biofeedback.store.pseudonym import replace_token
from biofeedback.store.records import Session
from biofeedback.store.store import Store

if TYPE_CHECKING:
    from biofeedback.service.preparation import Preparation

SUPPOSED_HR_BPM = 72.0
"""Heart rate that the arc is planned for until one is measured."""

ANSWER_S = 2.0
"""How long a request waits for the answer to its command; the command stays."""

SILENCE_S = 0.5
"""How long it waits after an emergency stop, which acts before it is answered."""

STEP_S = 1.0 / STEPS_PER_SECOND
IDLE_S = 0.25
STEPS_PER_STATE = 5
"""Steps between two states on a live screen: four a second."""


class SessionHost:
    """Carries out one session after another.

    Parameters
    ----------
    store : Store
        Of the data folder.
    reports : ReportRenderer
        Writes the report of a session once it is closed.
    instruments : InstrumentRenderer
        Renders what a session's palette needs before its sensors are opened.
    broadcaster : Broadcaster
        Takes the frames for live screens.
    clock : callable
        Engine time in seconds: ``pylsl.local_clock``.
    version : str
        Of the program.
    """

    def __init__(
        self,
        store: Store,
        reports: ReportRenderer,
        instruments: InstrumentRenderer,
        broadcaster: Broadcaster,
        *,
        clock: Callable[[], float],
        version: str,
    ) -> None:
        self._store = store
        self._catalog = Catalog(store)
        self._reports = reports
        self._instruments = instruments
        self._broadcaster = broadcaster
        self._clock = clock
        self._version = version
        self._queue = CommandQueue(self._silence)
        self._carriers: Mapping[type, Callable[[Any], Answer]] = {
            Prepare: self._prepare,
            CheckSensors: self._check_sensors,
            SoundCheck: self._check_sound,
            ConfirmComfort: self._confirm,
            Start: self._start,
            Close: self._close,
        }
        self._leaving = False
        self._stage = Stage.IDLE
        self._beat_s = self._due_s = clock()
        self._trouble = ""
        self._reset()

    def _reset(self, trouble: str = "") -> None:
        """Forget the session, if there is one."""
        self._request: SessionRequest | None = None
        self._opening: Future[Preparation] | None = None
        self._preparation: Preparation | None = None
        self._snapshot: Snapshot | None = None
        self._directory: Path | None = None
        self._filing: Future[Session] | None = None
        self._earlier_commands: list[dict[str, Any]] = []
        self._tempo_history = TempoHistory()
        self._steps = self._bytes = 0
        self._end_reason = ""
        self._trouble = trouble

    # What other threads call.

    def order(self, ordered: CommandRequest, *, origin: Origin) -> Future[Answer]:
        """Queue a command and return its answer to come; an emergency stop has acted when this returns."""
        return self._queue.order(ordered, origin=origin)

    def state(self) -> State:
        """Return the state of the engine and its session."""
        engine = EngineView(
            version=self._version,
            stage=self._stage,
            trouble=self._trouble,
            heartbeat_s=round(max(0.0, self._clock() - self._beat_s), 3),
            clients_watching=self._broadcaster.watching,
            samples=SamplesView(
                share=self._instruments.progress,
                not_kept=self._instruments.not_kept,
                palette_fault=self._instruments.palette_fault,
            ),
        )
        if (request := self._request) is None:
            return State(engine=engine, session=None)
        session = session_view(
            request,
            self._preparation,
            self._snapshot,
            directory=self._directory,
            recorded_bytes=self._bytes,
            end_reason=self._end_reason,
        )
        return State(engine=engine, session=session)

    def arc(self) -> ArcView:
        """Return what the session plans for its listener, and the tempo so far.

        Raises
        ------
        NotFoundError
            If there is no session.
        """
        if (request := self._request) is None:
            raise NotFoundError("there is no session; prepare one")
        trail = self._tempo_history
        arc = arc_of(request.protocol, trail.hr_bpm or SUPPOSED_HR_BPM)
        return arc.model_copy(update={"tempi": trail.tempi})

    def leave(self) -> None:
        """Ask the main thread to end; a session fades out first, on a second call it is silenced.

        Safe in a signal handler.
        """
        self._leaving = True
        self._queue.interrupt()
        self._queue.wake()

    def _silence(self) -> None:
        preparation = self._preparation
        if preparation is not None and (sound := preparation.sound) is not None:
            sound.stop()

    # The main thread.

    def serve(self) -> None:
        """Carry out commands and sessions until `leave` is called."""
        try:
            while not (self._leaving and self._stage != Stage.CLOSING):
                try:
                    self._serve_once()
                except Exception as error:  # noqa: BLE001 - the engine outlives a step that fails
                    self._fail(error)
        finally:
            self._close_sensors()

    def _close_sensors(self) -> None:
        """Close what is open, or still being opened."""
        if self._preparation is not None:
            self._preparation.close()
        elif self._opening is not None:
            self._instruments.cancel()
            self._opening.add_done_callback(_close_opened)

    def _serve_once(self) -> None:
        self._beat_s = now = self._clock()
        self._due_s = max(self._due_s + (STEP_S if self._stage in OPEN else IDLE_S), now)
        while self._stage != Stage.RUNNING and (left_s := self._due_s - self._clock()) > 0:
            if (waiting := self._queue.take(left_s)) is not None:
                self._carry_out(waiting)
            if self._leaving:
                break
        if self._stage == Stage.PREPARING:
            self._check_opened()
        elif self._stage in OPEN:
            self._step()
        elif self._stage == Stage.RUNNING:
            self._run()
        elif self._stage == Stage.CLOSING:
            self._check_filed()
        if self._stage not in OPEN:
            self._show_stage()

    def _carry_out(self, waiting: Waiting) -> None:
        command, key = waiting.ordered.command, waiting.ordered.key
        try:
            answer = self._execute(command)
        except REFUSALS as error:
            answer = Answer(False, str(error))
        except Exception as error:  # noqa: BLE001 - the engine outlives a command that fails
            answer = Answer(False, report_error(f"the order {command.name!r} failed", error))
        told = {**command.record(), "origin": waiting.origin, "key": key}
        self._earlier_commands.append(
            {**told, "accepted": answer.accepted, "answer": self._unnamed(answer.text)}
        )
        if answer.accepted and command.name in LEADS_TO:
            self._stage = LEADS_TO[command.name][self._stage]
        self._queue.answer(key, answer)

    def _unnamed(self, text: str) -> str:
        """Return a text without the client's code: a recording names no client."""
        client = self._request.client if self._request is not None else None
        return text if client is None else replace_token(text, client.code, "…")

    def _execute(self, command: Any) -> Answer:
        if isinstance(command, HostOrder):
            if self._stage not in LEADS_TO[command.name]:
                return Answer(False, refusal(command.name, self._stage))
            return self._carriers[type(command)](command)
        sound = self._preparation.sound if self._preparation is not None else None
        if sound is not None and isinstance(command, Volume):
            sound.set_volume(command.db)
            return Answer(True, f"The sound check plays at {command.db:g} dB.")
        if sound is not None and isinstance(command, EmergencyStop | Stop | Hold):
            sound.stop()
            return Answer(True, "The sound check is silenced at once.")
        return Answer(False, f"No session is running: the engine is {self._stage}.")

    def _prepare(self, order: Prepare) -> Answer:
        request = resolve(order, self._store, self._catalog)
        self._reset()
        self._request = request
        self._opening = in_background(lambda: self._open_preparation(request))
        return Answer(True, "The sensors and the sound device are being opened.")

    def _open_preparation(self, request: SessionRequest) -> Preparation:
        """Render and open what a session needs, in the background.

        Signal processing takes seconds to import. It is imported here, not at the start of the engine, so
        that the engine answers soon; the main thread uses it once this has returned.
        """
        # First the instruments: sensors that are open want to be read.
        palette = self._instruments.render(request.piece.palette)
        request = request.with_palette(palette)
        from biofeedback.service.preparation import open_preparation  # noqa: PLC0415

        return open_preparation(request, self._clock)

    def _check_opened(self) -> None:
        if self._opening is not None and self._opening.done():
            self._preparation = self._opening.result()
            self._snapshot = self._preparation.step(self._clock())
            self._stage = Stage.PREPARED

    def _fail(self, error: Exception) -> None:
        """Go back to idle, and say why."""
        trouble = message_of(error, f"what was {self._stage} failed")
        self._queue.close_session()
        self._close_sensors()
        self._reset(trouble)
        self._stage = Stage.IDLE

    def _step(self) -> None:
        preparation = self._open()
        self._snapshot = preparation.step(self._clock())
        if preparation.sound is not None and preparation.sound.fault:
            self._trouble = preparation.sound.fault
        self._show(preparation, self._snapshot)

    def _open(self) -> Preparation:
        if self._preparation is None:
            raise RuntimeError(f"the engine is {self._stage}, and no sensors are open")
        return self._preparation

    def _check_sensors(self, _order: CheckSensors) -> Answer:
        self._open().check_anew()
        return Answer(True, "The sensors are checked again; nothing is recorded.")

    def _check_sound(self, order: SoundCheck) -> Answer:
        preparation = self._open()
        preparation.begin_sound_check(order.level_db)
        unheard = preparation.back_end.kind == "paced"
        warning = " Nobody hears it: there is no sound device." if unheard else ""
        return Answer(True, f"Ten seconds play, as loud as the session will be.{warning}")

    def _confirm(self, order: ConfirmComfort) -> Answer:
        preparation = self._open()
        preparation.comfort_db = order.volume_db
        preparation.end_sound_check()
        if (client := preparation.request.client) is not None:
            self._store.clients.change(client.code, volume_db=order.volume_db)
        return Answer(True, f"The session will not go above {order.volume_db:g} dB.")

    def _start(self, order: Start) -> Answer:
        request = self._open().request
        if request.cautions and not order.cautions_confirmed:
            return Answer(False, "The cautions must be confirmed before the start.")
        if request.client is not None and not order.consent_confirmed:
            return Answer(False, "The client's consent must be confirmed before the start.")
        directory = self._store.sessions.new_directory(request.protocol.id)
        if request.client is not None:
            self._store.sessions.begin(directory, client=request.client.code, protocol=request.protocol)
        self._directory = directory
        return Answer(True, "The session begins; from now on it is recorded.")

    def _close(self, _order: Close) -> Answer:
        over = self._stage == Stage.CLOSED
        self._close_sensors()
        self._reset()
        return Answer(True, "The engine is ready for another session." if over else "The sensors are closed.")

    def _run(self) -> None:
        """Carry out the session, to its closed recording."""
        preparation, directory = self._open(), self._directory
        if directory is None:
            raise RuntimeError("a session without a directory")
        inbox = self._queue.open_session()
        if self._leaving:
            inbox.interrupt()
        store, told = self._store, {"told_before": self._earlier_commands}
        try:
            config = preparation.config(
                directory,
                {**store.audit.anchor(), **told},
                consent=None
                if preparation.request.client is None
                else store.sessions.recorded_consent(directory.name),
                at_close=store.audit.anchor,
            )
            opened = preparation.hand_over()
            from biofeedback.session import run_session  # noqa: PLC0415 - see `_open_preparation`

            self._end_reason = run_session(
                config, watch=self._watch, inbox=inbox, opened=opened, observer=preparation.live_frames
            )
        except Exception as error:  # noqa: BLE001 - the engine outlives a session that fails
            self._trouble = message_of(error, "the session failed")
        self._queue.close_session()
        self._stage = Stage.CLOSING
        request = preparation.request
        if not (directory / XDF_NAME).exists():
            preparation.close()
            if request.client is not None:
                store.sessions.abandon(directory.name)
            self._reset(self._trouble)
            self._stage = Stage.IDLE
            return
        self._bytes = (directory / XDF_NAME).stat().st_size
        client = None if request.client is None else request.client.code
        self._filing = in_background(lambda: store.sessions.adopt(directory, client))

    def _check_filed(self) -> None:
        if self._filing is None or not self._filing.done():
            return
        if (error := self._filing.exception()) is not None:
            self._trouble = message_of(error, "the session was not filed")
        elif (directory := self._directory) is not None:
            in_background(lambda: self._reports.render(directory))  # wanted soon, and takes seconds
        self._stage = Stage.CLOSED

    def _watch(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._beat_s = self._clock()
        try:
            self._tempo_history.take(snapshot)
            if self._directory is not None and self._steps % STEPS_PER_SECOND == 0:
                self._bytes = (self._directory / XDF_NAME).stat().st_size
            self._show(self._open(), snapshot)
        except Exception as error:  # noqa: BLE001 - a screen must never end a session
            report_error("a live screen could not be fed", error)

    def _show(self, preparation: Preparation, snapshot: Snapshot) -> None:
        """Send live screens a frame, if there are any."""
        self._steps += 1
        frame = preparation.live_frames.frame()
        if not self._broadcaster.watching:
            return
        frame |= {"t": round(snapshot.t, 3), "elapsed_s": round(snapshot.elapsed_s, 3)}
        if self._steps % STEPS_PER_STATE == 0 or snapshot.finished:
            frame["state"] = live_state(
                snapshot,
                stage=self._stage,
                lights=preparation.sensor_statuses(snapshot),
                sound_check=preparation.sound_check,
                recorded_bytes=self._bytes,
            )
        self._broadcaster.publish(frame)

    def _show_stage(self) -> None:
        """Send live screens the stage while no sensors are open."""
        state = {"stage": self._stage}
        t = round(self._clock(), 3)
        self._broadcaster.publish({"t": t, "elapsed_s": None, "signals": {}, "beats": [], "state": state})


async def answer_of(host: SessionHost, ordered: CommandRequest, *, origin: Origin) -> Answer | None:
    """Return the answer to a command, None if there is none in time."""
    urgent = isinstance(ordered.command, EmergencyStop)
    answer = await asyncio.to_thread(host.order, ordered, origin=origin)
    waiting = asyncio.shield(asyncio.wrap_future(answer))
    try:
        return await asyncio.wait_for(waiting, SILENCE_S if urgent else ANSWER_S)
    except TimeoutError:
        return Answer(True, "The music is silenced at once.") if urgent else None


def _close_opened(opening: Future[Preparation]) -> None:
    """Close the sensors of an opening that nobody waits for any more."""
    if opening.exception() is None:
        opening.result().close()
