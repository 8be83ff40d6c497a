"""Saved versions of protocols, and saved sensor set-ups."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
import yaml

from biofeedback.errors import NotFoundError, UsageError
from biofeedback.setups import parse_setup
from biofeedback.store.database import Repository, Transaction
from biofeedback.store.records import NO_SETUPS, MigratedSetup, ProtocolVersion, SavedSetup, SetupFile
from biofeedback.store.tables import DIGEST, PROTOCOLS, SETUP_FILES, SETUPS, columns_without, sha256_of
from protocols.loading import parse
from protocols.schema import Protocol, protocol_sha256

_VERSIONS = sa.select(*columns_without(PROTOCOLS, DIGEST))


class ProtocolVersionRepository(Repository):
    """Saved versions of protocols."""

    def save(self, text: str) -> ProtocolVersion:
        """Keep a protocol, as YAML, under its own id and version.

        Raises
        ------
        InvalidProtocolError
            If it is not a protocol.
        UsageError
            If a session used this version of it with other content; it must then get another version.
        """
        protocol = parse(text.encode("utf-8"), "protocol")
        with self._transactions.write() as transaction:
            return keep_protocol(transaction, protocol, text)

    def list(self, name: str | None = None) -> tuple[ProtocolVersion, ...]:
        """Return the saved protocols, or the versions of one, by name; the highest version first."""
        query = _VERSIONS.order_by(PROTOCOLS.c.name, PROTOCOLS.c.version.desc())
        if name is not None:
            query = query.where(PROTOCOLS.c.name == name)
        return tuple(ProtocolVersion(**row) for row in self._rows(query))

    def get(self, name: str, version: int | None = None) -> ProtocolVersion:
        """Return a saved protocol by its name, in the given or the highest version.

        Raises
        ------
        NotFoundError
            If it is not saved.
        """
        for saved in self.list(name):
            if version in (None, saved.version):
                return saved
        which = name if version is None else f"{name}, version {version}"
        raise NotFoundError(f"there is no saved protocol {which}")

    def remove(self, name: str, version: int) -> None:
        """Remove a saved version of a protocol.

        Raises
        ------
        NotFoundError
            If it is not saved.
        UsageError
            If a session used it: it then stays.
        """
        saved = self.get(name, version)
        if saved.used_at is not None:
            raise UsageError(f"protocol {name}, version {version}, was used in a session and stays")
        with self._transactions.write() as transaction:
            transaction.delete(PROTOCOLS, (PROTOCOLS.c.id == saved.id) & PROTOCOLS.c.used_at.is_(None))
            transaction.log("protocol removed", "protocol", saved.id)


class SetupRepository(Repository):
    """Saved sensor set-ups."""

    def save(self, name: str, text: str) -> None:
        """Keep a sensor set-up, as YAML, under a name; it takes the place of one of that name.

        Raises
        ------
        UsageError
            If it is not a set-up, or the name is none.
        """
        setup = parse_setup(text, name)
        if not 0 < len(name.strip()) <= 64:
            raise UsageError("a set-up's name has 1 to 64 characters")
        with self._transactions.write() as transaction:
            _save_setup(transaction, name, setup.title, text)

    def list(self) -> tuple[SavedSetup, ...]:
        """Return all saved set-ups, by name."""
        query = sa.select(*columns_without(SETUPS, DIGEST)).order_by(SETUPS.c.name)
        return tuple(SavedSetup(**row) for row in self._rows(query))

    def get(self, name: str) -> SavedSetup:
        """Return a saved set-up.

        Raises
        ------
        NotFoundError
            If there is none of that name.
        """
        saved = {each.name: each for each in self.list()}
        if name not in saved:
            there_are = ", ".join(saved) or NO_SETUPS
            raise NotFoundError(f"there is no sensor set-up {name!r}; there are: {there_are}")
        return saved[name]

    def remove(self, name: str) -> None:
        """Remove a saved set-up.

        Raises
        ------
        NotFoundError
            If there is none of that name.
        """
        saved = self.get(name)
        with self._transactions.write() as transaction:
            transaction.delete(SETUPS, SETUPS.c.id == saved.id)
            transaction.log("set-up removed", "set-up", saved.id)

    def migrate_files(self, files: Sequence[SetupFile]) -> tuple[MigratedSetup, ...]:
        """Copy set-up files that were not copied before; return those that were copied now.

        A file whose name is taken by another set-up is saved under its name with a number.
        """
        done = sa.select(SETUP_FILES.c.name, SETUP_FILES.c.sha256)
        before = {(row["name"], row["sha256"]) for row in self._rows(done)}
        by_key = {(file.path.stem, sha256_of(file.text)): file for file in files}
        if by_key.keys() <= before:
            return ()
        with self._transactions.write() as transaction:
            before = {(name, sha256) for name, sha256 in transaction.connection.execute(done)}
            new = {key: file for key, file in by_key.items() if key not in before}
            return tuple(_migrate_setup(transaction, file, sha256) for (_, sha256), file in new.items())


def _save_setup(transaction: Transaction, name: str, title: str, text: str) -> None:
    values = {"name": name, "title": title, "text": text, "saved_at": transaction.at}
    row_id = transaction.connection.scalar(sa.select(SETUPS.c.id).where(SETUPS.c.name == name))
    if row_id is None:
        row_id = transaction.insert(SETUPS, values)
    else:
        transaction.update(SETUPS, row_id, values)
    transaction.log("set-up saved", "set-up", row_id)


def _migrate_setup(transaction: Transaction, file: SetupFile, sha256: str) -> MigratedSetup:
    """Copy a set-up file into the store, under the first name that is free or has the same set-up."""
    setup = parse_setup(file.text, str(file.path))
    rows = transaction.connection.execute(sa.select(SETUPS.c.name, SETUPS.c.text))
    saved = {name: parse_setup(text, name) for name, text in rows}
    numbered = (f"{file.path.stem}-{number}" for number in range(2, 1000))
    name = next(name for name in (file.path.stem, *numbered) if saved.get(name, setup) == setup)
    if name not in saved:
        _save_setup(transaction, name, setup.title, file.text)
    values = {"name": file.path.stem, "sha256": sha256, "saved_as": name, "migrated_at": transaction.at}
    transaction.log("set-up file copied", "set-up file", transaction.insert(SETUP_FILES, values))
    return MigratedSetup(path=file.path, saved_as=name)


def keep_protocol(
    transaction: Transaction, protocol: Protocol, text: str | None = None, *, use: bool = False
) -> ProtocolVersion:
    """Keep a version of a protocol within a transaction; see `ProtocolVersionRepository.save`.

    Parameters
    ----------
    transaction : Transaction
        The transaction.
    protocol : Protocol
        What to keep.
    text : str, optional
        As it was written; without it, the protocol is written out.
    use : bool
        Whether a session uses it now: from then on it stays as it is.
    """
    of_version = (PROTOCOLS.c.name == protocol.id) & (PROTOCOLS.c.version == protocol.version)
    before = transaction.connection.execute(_VERSIONS.where(of_version)).mappings().first()
    same = before is not None and _same(before, protocol)
    if before and before["used_at"] and not same:
        raise UsageError(
            f"protocol {protocol.id}, version {protocol.version}, was used before with another content; "
            "give the changed protocol another version"
        )
    values = {
        "name": protocol.id,
        "version": protocol.version,
        "title": protocol.title,
        "sha256": protocol_sha256(protocol),
        "text": _as_yaml(protocol) if text is None else text,
        "saved_at": transaction.at,
        "used_at": transaction.at if use else None,
    }
    if before and same and text is None:
        values |= {"text": before["text"], "saved_at": before["saved_at"]}
    if before and (before["used_at"] or not (use or text is not None)):
        return ProtocolVersion(**before)
    if before:
        transaction.update(PROTOCOLS, row_id := before["id"], values)
    else:
        row_id = transaction.insert(PROTOCOLS, values)
    transaction.log("protocol used" if use else "protocol saved", "protocol", row_id)
    return ProtocolVersion(**transaction.connection.execute(_VERSIONS.where(of_version)).mappings().one())


def _same(kept: sa.RowMapping, protocol: Protocol) -> bool:
    """Return whether a kept protocol says the same, whatever fields the language has got since."""
    sha256 = protocol_sha256(protocol)
    return sha256 in {kept["sha256"], protocol_sha256(parse(kept["text"].encode("utf-8"), kept["name"]))}


def _as_yaml(protocol: Protocol) -> str:
    data = protocol.model_dump(mode="json", by_alias=True, exclude_none=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
