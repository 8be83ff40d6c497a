"""Where orders are understood and sessions filed: which protocol, which sensors, whose session, and where."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from acquisition.errors import AcquisitionError
from biofeedback.catalog import Catalog
from biofeedback.errors import BiofeedbackError, RecordingError, UsageError
from biofeedback.report import is_complete
from biofeedback.service.preparation import Intent
from biofeedback.service.requests import Prepare
from biofeedback.service.schemas import ProtocolView, RatingQuestion
from biofeedback.store.records import Client
from biofeedback.store.store import Store
from generator.errors import GeneratorError
from generator.preferences import Preferences
from generator.state import Piece
from physiology.errors import PhysiologyError
from protocols.course import segments
from protocols.errors import ProtocolError
from protocols.hashing import protocol_sha256
from protocols.loading import parse
from protocols.scales import SCALES
from protocols.schema import Protocol

REFUSALS = (AcquisitionError, BiofeedbackError, GeneratorError, PhysiologyError, ProtocolError, OSError)
"""What says in one line why something cannot be done."""

REPORT_NAME = "report.html"
REPORT_S = 300.0


class Desk:
    """Understands orders and files sessions. Any thread may call any method.

    Parameters
    ----------
    store : Store
        Of the data folder.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.catalog = Catalog(store)
        self._reporting = threading.Lock()

    def understand(self, order: Prepare) -> Intent:
        """Return what is meant.

        Raises
        ------
        UsageError, ProtocolError, StateError, StoreError
            In words, if it cannot be done.
        """
        client = self.store.clients.get(order.client) if order.client else None
        setup = self.catalog.named_setup(order.setup) if order.setup else None
        if setup is not None and order.inputs:
            raise UsageError("give inputs or a set-up, not both")
        inputs = setup.inputs if setup is not None else tuple(order.inputs)
        if not inputs:
            raise UsageError("no sensor: give a set-up, or inputs such as listener=virtual:responder")
        if order.device and order.audio in {"file", "none"}:
            raise UsageError(f"a device is for audio auto or device, not {order.audio}")
        protocol = self._protocol_of(order)
        preferences = _preferences(order, client)
        return Intent(
            order=order,
            client=client,
            protocol=protocol,
            inputs=inputs,
            setup=setup,
            preferences=preferences,
            piece=preferences.applied_to(Piece(**protocol.piece.model_dump(), seed=order.seed)),
        )

    def _protocol_of(self, order: Prepare) -> Protocol:
        if order.protocol_text is not None and order.protocol is None:
            return parse(order.protocol_text.encode(), "protocol")
        if order.protocol is None or order.protocol_text is not None:
            raise UsageError("give either protocol, an id, or protocol_text, a protocol as YAML")
        return self.catalog.protocol_listing(order.protocol).protocol

    def begin(self, intent: Intent) -> Path:
        """Return the directory of a session that is about to begin, written down if it is a client's.

        Raises
        ------
        UsageError
            If the client has not agreed to it, or this version of the protocol was used with other content.
        """
        directory = self.store.sessions.new_directory(intent.protocol.id)
        if intent.client is not None:
            self.store.sessions.begin(directory, client=intent.client.code, protocol=intent.protocol)
        return directory

    def abandon(self, directory: Path, intent: Intent) -> None:
        """Forget a session that could not begin."""
        if intent.client is not None:
            self.store.sessions.abandon(directory.name)

    def file(self, directory: Path, intent: Intent) -> None:
        """Take a session that is over into the store.

        Raises
        ------
        RecordingError, StoreError
            If it cannot be read or kept; the recording stays where it is.
        """
        self.store.sessions.adopt(directory, client=None if intent.client is None else intent.client.code)

    def report(self, directory: Path) -> Path:
        """Return the report of a closed session; a process of its own writes it where there is no whole one.

        Raises
        ------
        RecordingError
            If it cannot be written.
        """
        path = directory / REPORT_NAME
        with self._reporting:
            if is_complete(path):
                return path
            command = [sys.executable, "-P", "-m", "biofeedback", "report", str(directory)]
            try:
                done = subprocess.run(  # noqa: S603 - our own interpreter and module
                    command, capture_output=True, text=True, timeout=REPORT_S, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise RecordingError(f"the report could not be written: {error}") from None
            if done.returncode != 0:
                last = " ".join(done.stderr.strip().splitlines()[-1:])
                raise RecordingError(f"the report could not be written: {last}")
            return path

    def comfortable(self, intent: Intent, volume_db: float) -> None:
        """Remember what a client found comfortable."""
        if intent.client is not None:
            self.store.clients.change(intent.client.code, volume_db=volume_db)


def protocol_view(protocol: Protocol) -> ProtocolView:
    """Return what clients are told of a protocol."""
    return ProtocolView(
        protocol_id=protocol.id,
        version=protocol.version,
        title=protocol.title,
        arm=protocol.arm,
        sha256=protocol_sha256(protocol),
        cautions=tuple(protocol.cautions),
        duration_s=protocol.duration_s,
        numbers_shown=protocol.numbers_shown,
        ratings=_asked(protocol),
    )


def _asked(protocol: Protocol) -> tuple[RatingQuestion, ...]:
    asked = {}
    for part in segments(protocol):
        for each in sorted(part.phase.ratings, key=lambda rating: rating.at):  # begin, then end
            scale = SCALES[each.scale]
            asked[scale.id] = RatingQuestion(
                scale=scale.id,
                question=scale.question,
                low=scale.low,
                high=scale.high,
                low_means=scale.low_means,
                high_means=scale.high_means,
                phase=part.name,
                at=each.at,
            )
    return tuple(asked.values())


def _preferences(order: Prepare, client: Client | None) -> Preferences:
    if client is None or (order.preferences is None and "preferences" in order.model_fields_set):
        own = Preferences()
    else:
        own = client.preferences
    return own if order.preferences is None else order.preferences.applied_to(own)
