"""The consent that travels with a recording: what its client had agreed to, as ``session.json`` holds it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from biofeedback.errors import RecordingError

KEY = "consent"
"""Name in ``session.json``. Its value is null for a session without a client; recordings made before it was
introduced lack the name."""

_BOUND_TO = ("t0_wall", "protocol_sha256", "seed")
"""Fields of ``session.json`` that the checksum covers: a consent copied from another session does not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedConsent:
    """What a client had agreed to when a session was recorded. It does not name the client.

    Attributes
    ----------
    scopes : tuple of str
        See `biofeedback.store.records.SCOPES`.
    consent : str or None
        Id of the consent in the store that it was taken from.
    session : str or None
        Id of the session in that store.
    """

    scopes: tuple[str, ...]
    consent: str | None = None
    session: str | None = None

    def entry(self, meta: Mapping[str, Any]) -> dict[str, Any]:
        """Return the object for the ``session.json`` whose other fields are `meta`."""
        return {**asdict(self), "scopes": list(self.scopes), "sha256": self._sha256(meta)}

    def _sha256(self, meta: Mapping[str, Any]) -> str:
        covered = [*self.scopes, self.consent, self.session, *(meta.get(name) for name in _BOUND_TO)]
        return hashlib.sha256(json.dumps(covered).encode("ascii")).hexdigest()


def recorded_consent(meta: Mapping[str, Any]) -> RecordedConsent | None:
    """Return the consent that a ``session.json`` holds; None where it holds none.

    The checksum shows that the object was edited by hand. It is no signature: whoever computes it anew is
    found out only by the store that the consent was taken from.

    Raises
    ------
    RecordingError
        If the object is not as it was written.
    """
    entry = meta.get(KEY)
    if entry is None:
        return None
    try:
        consent = RecordedConsent(
            scopes=tuple(map(str, entry["scopes"])), consent=entry["consent"], session=entry["session"]
        )
        as_written = entry == consent.entry(meta)
    except (KeyError, TypeError):
        as_written = False
    if not as_written:
        raise RecordingError("the consent in session.json was changed after it was written")
    return consent


def may_have_client(meta: Mapping[str, Any]) -> bool:
    """Return whether a session may, by its ``session.json``, have been carried out with a client.

    Recordings made before the name was introduced do not say it. Those made with the store hold the head of
    its audit; every session with a client is among them, and some without.
    """
    if KEY in meta:
        return meta[KEY] is not None
    arguments = meta.get("arguments")
    return isinstance(arguments, Mapping) and "audit_head" in arguments
