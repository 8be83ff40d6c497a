"""Whether a session may leave in a data set, and the participant number it leaves under."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any

from biofeedback.errors import RecordingError, UsageError
from biofeedback.exports import SCOPE
from biofeedback.recording.consent import RecordedConsent, may_have_client, recorded_consent
from biofeedback.recording.storage import META_NAME, XDF_NAME, atomic_path, file_sha256, read_meta
from biofeedback.store.records import Consent, Session
from biofeedback.store.store import Store


class Permission(Enum):
    """Whether a session may be used for research."""

    NO_CLIENT = auto()
    GRANTED = auto()
    STATED = auto()
    NOT_GRANTED = auto()
    WITHDRAWN = auto()
    DELETED = auto()
    UNKNOWN = auto()
    ALTERED = auto()

    @property
    def allowed(self) -> bool:
        """Whether the session may leave."""
        return self in {Permission.NO_CLIENT, Permission.GRANTED, Permission.STATED}


_REASONS = {
    Permission.NOT_GRANTED: "its client has not agreed to research; leave it out, or write the consent down "
    "with biofeedback consent give in the data folder it belongs to",
    Permission.WITHDRAWN: "its client has withdrawn the consent to research; leave it out",
    Permission.DELETED: "the store has deleted it, and this is a copy; leave it out and delete the copy",
    Permission.UNKNOWN: "whether its client agreed to research is not known: neither the store of the data "
    "folder nor the recording says so. Name the data folder it belongs to in BIOFEEDBACK_DATA, or, if you "
    "have the signed consent before you, state it with --consent research --by NAME",
    Permission.ALTERED: "the consent in its session.json is not the one that was given: the file was "
    "changed. Compare it with the copy in the data folder (biofeedback audit verify)",
}


def refusal(permission: Permission, directory: Path) -> str:
    """Return why a session is refused, and what can be done."""
    return (
        f"{directory} is not exported for research: {_REASONS[permission]} "
        "(for the client's own care, --identified keeps everything)"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreEntry:
    """What the store knows of a session.

    Attributes
    ----------
    client : str or None
        The client's code; None where the session was carried out without a client.
    texts : tuple of str
        Notes and descriptions of adverse events, written during the session or afterwards.
    ids : tuple of str
        The session's id.
    consent : Consent or None
        The client's present consent.
    given : mapping of str to tuple of str
        Scopes of each consent the client has ever given, by its id.
    deleted : bool
        Whether the session was deleted.
    recorded_here : bool
        Whether it was recorded with this store, which would then know its client.
    """

    client: str | None = None
    texts: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    consent: Consent | None = None
    given: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    deleted: bool = False
    recorded_here: bool = False


def permission(meta: Mapping[str, Any], entry: StoreEntry | None, *, stated: bool = False) -> Permission:
    """Return whether a session may be used for research.

    Parameters
    ----------
    meta : mapping
        Its ``session.json``.
    entry : StoreEntry or None
        What the store knows; its present consent outranks the recording's. None where it does not know the
        session.
    stated : bool
        Whether somebody vouches for the consent; counts only where neither store nor recording tells.
    """
    try:
        recorded = recorded_consent(meta)
    except RecordingError:
        return Permission.ALTERED
    if entry is not None and entry.deleted:
        return Permission.DELETED
    if entry is not None and entry.client is not None:
        return _by_store(entry, recorded)
    if recorded is not None:
        return Permission.GRANTED if SCOPE in recorded.scopes else Permission.NOT_GRANTED
    if not may_have_client(meta) or (entry is not None and entry.recorded_here):
        return Permission.NO_CLIENT
    return Permission.STATED if stated else Permission.UNKNOWN


def _by_store(entry: StoreEntry, recorded: RecordedConsent | None) -> Permission:
    given = None if recorded is None else entry.given.get(recorded.consent or "")
    if recorded is not None and given is not None and not set(recorded.scopes) <= set(given):
        return Permission.ALTERED
    if entry.consent is None or SCOPE not in entry.consent.given:
        return Permission.NOT_GRANTED
    return Permission.WITHDRAWN if SCOPE in entry.consent.withdrawn else Permission.GRANTED


def find_entry(store: Store, directory: Path) -> StoreEntry | None:
    """Return what a store knows of the session in a directory, or of the one that this is a copy of.

    A copy is known by the session's id in its consent, by the SHA-256 of its ``session.json``, or by its
    start and the SHA-256 of its ``session.xdf``.
    """
    session = _find_session(store, directory)
    if session is None:
        return None
    facts = store.sessions.facts(session.id)
    texts = tuple(note.text for note in facts.notes) + tuple(event.text for event in facts.adverse_events)
    return StoreEntry(
        client=session.client,
        texts=texts,
        ids=(session.id,),
        consent=None if session.client is None else store.clients.consent_of(session.client),
        given={} if session.client is None else store.clients.consents_given(session.client),
        recorded_here=_holds_audit_of(store, read_meta(directory)),
        deleted=session.state in {"deleting", "deleted"},
    )


def _find_session(store: Store, directory: Path) -> Session | None:
    meta = read_meta(directory)
    entry = meta.get("consent")
    recorded_id = entry.get("session") if isinstance(entry, Mapping) else None
    digest = file_sha256(directory / META_NAME)
    place, xdf = directory.resolve(), _xdf_sha256(directory)
    sessions = store.sessions.list(deleted=True)
    for session in sessions:
        if session.directory is not None and session.directory.resolve() == place:
            return session
    for session in sessions:
        if session.id == recorded_id or session.meta_sha256 == digest:
            return session
        same_start = session.started is not None and session.started == str(meta.get("t0_wall"))
        if same_start and session.directory is not None and _xdf_sha256(session.directory) == xdf is not None:
            return session
    return None


def _holds_audit_of(store: Store, meta: Mapping[str, Any]) -> bool:
    head = (meta.get("arguments") or {}).get("audit_head")
    if not isinstance(head, Mapping):
        return False
    return any(
        row.number == head.get("number") and row.sha256 == head.get("sha256") for row in store.audit.entries()
    )


def _xdf_sha256(directory: Path) -> str | None:
    path = directory / XDF_NAME
    return file_sha256(path) if path.exists() else None


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
