"""A session as clients are told of it."""

from __future__ import annotations

from pathlib import Path

from biofeedback.models import Snapshot
from biofeedback.service.desk import protocol_view
from biofeedback.service.preparation import Intent, Preparation
from biofeedback.service.views import AudioView, RecordingView, SessionView


def portrait(
    intent: Intent,
    preparation: Preparation | None,
    snapshot: Snapshot | None,
    *,
    directory: Path | None,
    recorded_bytes: int,
    end_reason: str,
) -> SessionView:
    """Return what clients are told of a session. Any thread may call it."""
    recording = directory and RecordingView(
        session_id=directory.name, directory=str(directory), bytes=recorded_bytes
    )
    audio = preparation and AudioView(
        kind=preparation.back_end.kind, name=preparation.back_end.name, why=preparation.back_end.why
    )
    return SessionView(
        client=intent.order.client,
        protocol=protocol_view(intent.protocol),
        cautions=intent.cautions,
        inputs=intent.inputs,
        audio=audio or None,
        lights=preparation.lights(snapshot) if preparation is not None and snapshot is not None else (),
        comfort_db=preparation.comfort_db if preparation is not None else None,
        sound_check=preparation.sound_check if preparation is not None else None,
        consent_needed=intent.client is not None,
        recording=recording or None,
        snapshot=snapshot,
        end_reason=end_reason,
    )
