"""The texts of the pages around the live screen; part of the catalogue in `dashboard.texts`."""

from __future__ import annotations

PAGES: dict[str, str] = {
    "app.title": "Biofeedback music",
    "nav.session": "Session",
    "nav.clients": "Clients",
    "nav.protocols": "Protocols",
    "nav.sessions": "Past sessions",
    "engine.gone": (
        "The engine is not running. If a session was going on, its music has faded by itself and its "
        "recording is kept up to its last second; it will be among the past sessions."
    ),
    "engine.start": "Start the engine",
    "engine.starting": "The engine is starting.",
    "steps.done": "(done)",
    # --- the steps of a session
    "step.choose": "Client, protocol, sensors",
    "step.care": "Cautions and consent",
    "step.sensors": "Sensor check",
    "step.sound": "Sound check",
    "session.title": "New session",
    "session.of": "{client} · {protocol}",
    "session.opening": "The sensors and the sound device are being opened.",
    "session.trouble": "That did not work: {why}",
    "session.leave": "Leave without starting",
    "session.back": "Back",
    "session.next": "Continue",
    "session.start": "Start the session",
    "care.cautions": "Cautions",
    "care.cautions.intro": "Ask about each of these before any music sounds.",
    "care.cautions.confirm": "All were asked about; none speaks against this session.",
    "care.consent": "Consent",
    "care.consent.nobody": "The session is under no client's code; it is recorded all the same.",
    "care.consent.intro": (
        "{client} knows that heart, skin and breathing are recorded, and how to let the music fade at any time."
    ),
    "care.consent.confirm": "The listener agrees to this session and to its being recorded.",
    "care.purpose": "For research and therapist-supervised use; not for diagnosis, monitoring or treatment.",
    "care.anew": "Please confirm cautions and consent once more.",
    "sensors.title": "Do the sensors deliver?",
    "sensors.intro": (
        "Every light should be good. What to do about one that is not stands beside it. A session may start "
        "with a sensor that is doubtful; what cannot be told is then left out, and said."
    ),
    "sensors.again": "Look afresh",
    "sound.title": "Is the loudness comfortable?",
    "sound.intro": (
        "Ten seconds sound as loud as the loudest moment of the session. Ask the listener. What they confirm "
        "is the ceiling: nothing in the session goes above it."
    ),
    "sound.where": "The sound goes to {name}.",
    "sound.nowhere": "There is no sound device: nobody will hear the music.",
    "sound.play": "Play ten seconds",
    "sound.playing": "Playing",
    "sound.volume": "Volume",
    "sound.confirm": "The listener finds this comfortable",
    "sound.confirmed": "Confirmed: {db} dB is the ceiling of this session.",
    # --- after the end
    "closing.title": "Session of {client} is over",
    "closing.nothing": "The session ended before anything was recorded.",
    "closing.trouble": "The session ended with a fault: {why}. What was recorded until then is kept.",
    "closing.kept": "Recorded and closed: {reason}.",
    "closing.protocol": "Protocol",
    "closing.length": "Length",
    "closing.recording": "Recording",
    "closing.note": "Note on this session",
    "closing.note.help": "Kept with the session; the recording itself stays as it is.",
    "closing.note.save": "Save note",
    "closing.note.saved": "The note is kept.",
    "closing.report": "Open the report",
    "closing.away": "Done",
}
