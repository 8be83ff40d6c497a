"""Orders understood: which protocol, which sensors, whose session, and where it is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from acquisition.errors import AcquisitionError
from biofeedback.errors import BiofeedbackError, UsageError
from biofeedback.service.ledger import Ledger
from biofeedback.service.orders import Prepare
from biofeedback.service.preparation import Intent
from biofeedback.service.views import ProtocolView
from biofeedback.setups import load_setup
from generator.errors import GeneratorError
from generator.state import Piece
from physiology.errors import PhysiologyError
from protocols import library, load
from protocols.errors import ProtocolError
from protocols.hashing import protocol_sha256
from protocols.loading import parse
from protocols.schema import Protocol

REFUSALS = (AcquisitionError, BiofeedbackError, GeneratorError, PhysiologyError, ProtocolError, OSError)
"""What says in one line why something cannot be done."""


class Intents:
    """Understands orders, with what is kept in the data folder.

    Parameters
    ----------
    folder : Path
        The data folder.
    now : callable
        The time of day, for the names of sessions.
    """

    def __init__(self, folder: Path, *, now: Callable[[], datetime]) -> None:
        self._folder = folder
        self._now = now
        self.ledger = Ledger()

    def understand(self, order: Prepare) -> Intent:
        """Return what is meant.

        Raises
        ------
        UsageError, ProtocolError, StateError
            In words, if it cannot be done.
        """
        setup = load_setup(order.setup) if order.setup else None
        if setup is not None and order.inputs:
            raise UsageError("give inputs or a set-up, not both")
        inputs = setup.inputs if setup is not None else tuple(order.inputs)
        if not inputs:
            raise UsageError("no sensor: give a set-up, or inputs such as listener=virtual:responder")
        if order.device and order.audio in {"file", "none"}:
            raise UsageError(f"a device is for audio auto or device, not {order.audio}")
        protocol = self._protocol(order)
        own = Piece(**protocol.piece.model_dump(), seed=order.seed)
        piece = order.preferences.preferences().applied_to(own)
        return Intent(order=order, protocol=protocol, inputs=inputs, setup=setup, piece=piece)

    def _protocol(self, order: Prepare) -> Protocol:
        if (order.protocol is None) == (order.protocol_text is None):
            raise UsageError("give either protocol, an id, or protocol_text, a protocol as YAML")
        if order.protocol_text is not None:
            return parse(order.protocol_text.encode(), "protocol")
        if order.protocol not in library():
            raise UsageError(f"there is no protocol {order.protocol!r}; there are {', '.join(library())}")
        return load(order.protocol)

    def consent_needed(self, intent: Intent) -> bool:
        """Return whether the start asks for consent: the client is in the store."""
        return intent.order.client is not None

    def protocol_view(self, protocol: Protocol) -> ProtocolView:
        """Return what clients are told of a protocol."""
        return ProtocolView(
            protocol_id=protocol.id,
            version=protocol.version,
            title=protocol.title,
            arm=protocol.arm,
            sha256=protocol_sha256(protocol),
            cautions=tuple(protocol.cautions),
            duration_s=protocol.duration_s,
            numbers_shown=getattr(protocol, "numbers_shown", True),
        )

    def new_directory(self, intent: Intent) -> Path:
        """Return a directory for a session that does not exist yet."""
        stamp = self._now().strftime("%Y-%m-%d-%H%M%S")
        name = re.sub(r"[^a-z0-9-]+", "-", intent.protocol.id.lower())
        base = self._folder / "sessions" / f"{stamp}-{name}"
        candidates = (base, *(base.with_name(f"{base.name}-{number}") for number in range(2, 1000)))
        return next(path for path in candidates if not path.exists())
