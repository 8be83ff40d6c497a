"""The audit: a chain of rows of which each holds the fingerprint of the one before.

A row tells what was done to what and when, and the fingerprint of what was left; it holds no text that a
person wrote and no code of a client. `HEADS_NAME`, beside the database, repeats each row's number and
fingerprint, so that rows cut off at the end are missed; so do ``session.json`` files and back-ups.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import sqlalchemy as sa

from biofeedback.recording.storage import cannot_write
from biofeedback.store.records import AuditEntry, AuditFinding, AuditHead
from biofeedback.store.tables import AUDIT, SUBJECTS, joint_digest, sha256_of

HEADS_NAME = "audit.heads"
BEGINNING = AuditHead(0, "0" * 64)
"""What the first row follows."""


def append(connection: sa.Connection, *, at: str, action: str, kind: str, subject: str) -> AuditHead:
    """Add a row about what `subject` has become; the chain's new head is returned."""
    head = head_of(connection)
    values = {
        "number": head.number + 1,
        "at": at,
        "action": action,
        "kind": kind,
        "subject": subject,
        "state": state_of(connection, kind, subject),
        "previous": head.sha256,
    }
    sha256 = sha256_of(values)
    connection.execute(sa.insert(AUDIT).values(**values, sha256=sha256))
    return AuditHead(head.number + 1, sha256)


def head_of(connection: sa.Connection) -> AuditHead:
    """Return number and fingerprint of the newest row."""
    newest = sa.select(AUDIT.c.number, AUDIT.c.sha256).order_by(AUDIT.c.number.desc()).limit(1)
    row = connection.execute(newest.with_for_update()).first()
    return BEGINNING if row is None else AuditHead(row.number, row.sha256)


def state_of(connection: sa.Connection, kind: str, subject: str) -> str | None:
    """Return the joint fingerprint of a subject's rows as they are; None where there are none."""
    found = [
        (table.name, str(digest))
        for table, key in SUBJECTS[kind]
        for digest in connection.scalars(sa.select(table.c.digest).where(table.c[key] == subject))
    ]
    return joint_digest(found) if found else None


def entries(connection: sa.Connection, *, limit: int | None = None) -> tuple[AuditEntry, ...]:
    """Return the newest rows, oldest first."""
    rows = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.number.desc()).limit(limit)).mappings()
    return tuple(AuditEntry(**row) for row in rows)[::-1]


def breaks(chain: Iterable[AuditEntry]) -> Iterator[AuditFinding]:
    """Yield where a chain does not hold; it is to be given whole, oldest first."""
    before = BEGINNING
    for entry in chain:
        if entry.number != before.number + 1:
            yield AuditFinding(f"audit row {before.number + 1}", "is missing")
        elif entry.previous != before.sha256:
            yield AuditFinding(f"audit row {entry.number}", "does not follow the row before it")
        if sha256_of(entry.values()) != entry.sha256:
            yield AuditFinding(f"audit row {entry.number}", "was changed")
        before = AuditHead(entry.number, entry.sha256)


class Heads:
    """The file that repeats the chain's fingerprints, one line for each row.

    Parameters
    ----------
    path : Path
        Grows by a line with each row; need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, heads: Iterable[AuditHead]) -> None:
        """Append a line for each head.

        Raises
        ------
        RecordingError
            If the file cannot be written.
        """
        lines = "".join(f"{head.number} {head.sha256}\n" for head in heads)
        if not lines:
            return
        try:
            with self.path.open("a", encoding="ascii", newline="\n") as file:
                file.write(lines)
        except OSError as error:
            raise cannot_write(self.path, error) from None

    def catch_up(self, connection: sa.Connection) -> None:
        """Append what an interruption kept from being appended; a file that does not fit is left as it is."""
        known, damaged = self.read()
        last = max(known, default=0)
        if damaged or (not last and head_of(connection).number > 1 and not self.path.exists()):
            return
        if last and connection.scalar(sa.select(AUDIT.c.sha256).where(AUDIT.c.number == last)) != known[last]:
            return
        later = sa.select(AUDIT.c.number, AUDIT.c.sha256).where(AUDIT.c.number > last)
        self.add(AuditHead(*row) for row in connection.execute(later.order_by(AUDIT.c.number)))

    def read(self) -> tuple[dict[int, str], list[int]]:
        """Return the fingerprints by number, and which lines, counted from 1, cannot belong there."""
        try:
            *lines, rest = self.path.read_text(encoding="ascii", errors="replace").split("\n")
        except FileNotFoundError:
            return {}, []
        known: dict[int, str] = {}
        damaged = [len(lines) + 1] if rest else []
        for place, line in enumerate(lines, start=1):
            number, _, sha256 = line.partition(" ")
            is_line = number.isdecimal() and not number.startswith("0") and len(sha256) == 64
            if not is_line or known.setdefault(int(number), sha256) != sha256:
                damaged.append(place)
        return known, damaged
