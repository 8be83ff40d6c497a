"""Protocols and sensor set-ups that are kept."""

from __future__ import annotations

import sqlalchemy as sa
import yaml

from biofeedback.errors import UsageError
from biofeedback.setups import parse_setup
from biofeedback.store.ledger import Entry, Ledger
from biofeedback.store.records import ProtocolVersion, SavedSetup
from biofeedback.store.tables import PROTOCOLS, SETUPS
from protocols.hashing import protocol_sha256
from protocols.loading import parse
from protocols.schema import Protocol

_COLUMNS = [column for column in PROTOCOLS.c if column.name != "digest"]


class Shelf(Ledger):
    """The part of the store that keeps protocols and set-ups."""

    def save_protocol(self, text: str) -> ProtocolVersion:
        """Keep a protocol, as YAML, under its own id and version.

        Raises
        ------
        InvalidProtocolError
            If it is not a protocol.
        UsageError
            If a session used this version of it with other content; it must then get another version.
        """
        protocol = parse(text.encode("utf-8"), "protocol")
        with self._writing() as entry:
            return keep_protocol(entry, protocol, text)

    def protocols(self) -> tuple[ProtocolVersion, ...]:
        """Return all kept protocols by id, of each the newest version first."""
        newest_first = sa.select(*_COLUMNS).order_by(PROTOCOLS.c.name, PROTOCOLS.c.version.desc())
        with self.database.reading() as connection:
            return tuple(ProtocolVersion(**row) for row in connection.execute(newest_first).mappings())

    def protocol(self, name: str, version: int | None = None) -> ProtocolVersion:
        """Return a kept protocol by its id, in the given or the newest version.

        Raises
        ------
        UsageError
            If it is not there.
        """
        found = [kept for kept in self.protocols() if kept.name == name and version in (None, kept.version)]
        if not found:
            which = name if version is None else f"{name}, version {version}"
            raise UsageError(f"there is no kept protocol {which}")
        return found[0]

    def save_setup(self, name: str, text: str) -> SavedSetup:
        """Keep a sensor set-up, as YAML, under a name; it takes the place of one of that name.

        Raises
        ------
        UsageError
            If it is not a set-up, or the name is none.
        """
        setup = parse_setup(text, name)
        if not 0 < len(name.strip()) <= 64:
            raise UsageError("a set-up's name has 1 to 64 characters")
        values = {"name": name, "title": setup.title, "text": text}
        with self._writing() as entry:
            row_id = entry.connection.scalar(sa.select(SETUPS.c.id).where(SETUPS.c.name == name))
            if row_id is None:
                row_id = entry.insert(SETUPS, {**values, "saved_at": entry.at})
            else:
                entry.update(SETUPS, row_id, {**values, "saved_at": entry.at})
            entry.log("set-up saved", "set-up", row_id)
        return self.setup(name)

    def setups(self) -> tuple[SavedSetup, ...]:
        """Return all kept set-ups, by name."""
        columns = [column for column in SETUPS.c if column.name != "digest"]
        with self.database.reading() as connection:
            rows = connection.execute(sa.select(*columns).order_by(SETUPS.c.name)).mappings()
            return tuple(SavedSetup(**row) for row in rows)

    def setup(self, name: str) -> SavedSetup:
        """Return a kept set-up.

        Raises
        ------
        UsageError
            If there is none of that name.
        """
        for kept in self.setups():
            if kept.name == name:
                return kept
        there_are = ", ".join(kept.name for kept in self.setups()) or "none yet"
        raise UsageError(f"there is no kept set-up {name!r}; there are: {there_are}")


def keep_protocol(
    entry: Entry, protocol: Protocol, text: str | None = None, *, use: bool = False
) -> ProtocolVersion:
    """Keep a version of a protocol within a transaction; see `Shelf.save_protocol`.

    Parameters
    ----------
    entry : Entry
        The transaction.
    protocol : Protocol
        What to keep.
    text : str, optional
        As it was written; without it, the protocol is written out.
    use : bool
        Whether a session uses it now: from then on it stays as it is.
    """
    of_version = (PROTOCOLS.c.name == protocol.id) & (PROTOCOLS.c.version == protocol.version)
    row = entry.connection.execute(sa.select(*_COLUMNS).where(of_version)).mappings().first()
    before = None if row is None else ProtocolVersion(**row)
    values = {
        "name": protocol.id,
        "version": protocol.version,
        "title": protocol.title,
        "sha256": protocol_sha256(protocol),
        "text": _yaml(protocol) if text is None else text,
        "saved_at": entry.at,
        "used_at": entry.at if use else None,
    }
    if before is None:
        row_id = entry.insert(PROTOCOLS, values)
        entry.log("protocol used" if use else "protocol saved", "protocol", row_id)
    else:
        row_id = before.id
        same = _same(before, protocol)
        if before.used_at and not same:
            raise UsageError(
                f"protocol {protocol.id}, version {protocol.version}, was used before with another content; "
                "give the changed protocol another version"
            )
        if same and text is None:
            values |= {"text": before.text, "saved_at": before.saved_at}
        if not before.used_at and (use or text is not None):
            entry.update(PROTOCOLS, row_id, values)
            entry.log("protocol used" if use else "protocol saved", "protocol", row_id)
    kept = entry.connection.execute(sa.select(*_COLUMNS).where(PROTOCOLS.c.id == row_id)).mappings().one()
    return ProtocolVersion(**kept)


def _same(kept: ProtocolVersion, protocol: Protocol) -> bool:
    """Return whether a kept protocol says the same, whatever fields the language has got since."""
    sha256 = protocol_sha256(protocol)
    return sha256 in {kept.sha256, protocol_sha256(parse(kept.text.encode("utf-8"), kept.name))}


def _yaml(protocol: Protocol) -> str:
    data = protocol.model_dump(mode="json", by_alias=True, exclude_none=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
