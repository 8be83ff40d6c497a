"""Numbers in place of names: who is who in a data set, known only to those who hold the key."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from biofeedback.errors import UsageError
from biofeedback.recording.storage import atomic_path

KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantNumber:
    """The numbers of one session: its subject's, and its own among the subject's."""

    subject: str
    session: str


def key_of(path: Path) -> bytes:
    """Return the key in a file; one that does not exist is made, readable by its owner only.

    Raises
    ------
    UsageError
        If it cannot be read or made, or is no key.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as part:
                part.chmod(0o600)
                part.write_text(secrets.token_hex(KEY_BYTES) + "\n", encoding="ascii")
        key = path.read_bytes().strip()
    except OSError as error:
        raise UsageError(f"the key {path} cannot be read or made: {error.strerror or error}") from None
    if len(key) < KEY_BYTES:
        raise UsageError(f"{path} is too short for a key: {KEY_BYTES} bytes are needed")
    return key


def number_participants(sessions: Sequence[tuple[str | None, str]], key: bytes) -> list[ParticipantNumber]:
    """Return the numbers of sessions, in the order in which they are given.

    Clients are numbered in the order of a keyed digest of their codes (HMAC-SHA-256), which nobody without
    the key can compute: neither the code's alphabet nor the order of the sessions shows in the numbers. A
    session of which nobody knows whose it is has a subject of its own. Sessions of a subject are numbered in
    the order of time.

    Parameters
    ----------
    sessions : sequence of (str or None, str)
        Of each session the client's code, and a text by which the sessions of a client are put in order.
    key : bytes
        The secret.
    """
    owners = [client or f"\0{number}" for number, (client, _) in enumerate(sessions)]
    ranked = sorted(set(owners), key=lambda owner: hmac.new(key, owner.encode(), hashlib.sha256).digest())
    numbers: dict[int, ParticipantNumber] = {}
    for subject, owner in enumerate(ranked, start=1):
        own = [index for index, one in enumerate(owners) if one == owner]
        for session, index in enumerate(sorted(own, key=lambda at: sessions[at][1]), start=1):
            numbers[index] = ParticipantNumber(subject=f"{subject:03d}", session=f"{session:03d}")
    return [numbers[index] for index in range(len(sessions))]
