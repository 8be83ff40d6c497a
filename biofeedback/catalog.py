"""Protocols and sensor set-ups by name, for the command line and the service alike.

Protocols are built in or saved in the store. Where both have one of a name, the highest version counts, and
among equal versions the saved one. Sensor set-ups are saved in the store only; files that earlier versions of
the program kept in the user's settings are copied into it once (`Catalog.migrate_setup_files`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from biofeedback.errors import NotFoundError, UsageError
from biofeedback.setups import Setup, load_setup, parse_setup, setup_text
from biofeedback.store.records import NO_SETUPS, MigratedSetup, ProtocolVersion, SetupFile
from protocols.errors import UnknownProtocolError
from protocols.loading import built_in_texts, library, load, parse
from protocols.schema import Protocol, protocol_sha256

if TYPE_CHECKING:  # not at run time: SQLAlchemy is imported when a store is opened
    from biofeedback.store.store import Store

_REFERENCE = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]{0,63})(?:@(?P<version>\d{1,9}))?")
_SETUP_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolListing:
    """A protocol that can be named.

    Attributes
    ----------
    protocol : Protocol
        Read and checked.
    text : str
        Its YAML.
    sha256 : str
        Of its canonical form.
    built_in : bool
        Whether it ships with the program; else it is saved in the store.
    used : bool
        Whether a session was carried out with it; it then stays as it is.
    """

    protocol: Protocol
    text: str
    sha256: str
    built_in: bool
    used: bool


@dataclass(frozen=True, slots=True)
class SetupMigration:
    """Result of copying set-up files into the store.

    Attributes
    ----------
    migrated : tuple of MigratedSetup
        Files that were copied now.
    refused : tuple of str
        For each file that cannot be used: file, line, field and what would be right. It stays where it is.
    """

    migrated: tuple[MigratedSetup, ...]
    refused: tuple[str, ...]


class Catalog:
    """All protocols and sensor set-ups that can be named.

    Parameters
    ----------
    store : Store or None
        None where there is no store yet: there are only the built-in protocols then, and nothing is saved.
    """

    def __init__(self, store: Store | None) -> None:
        self._store = store

    def protocols(self) -> tuple[ProtocolListing, ...]:
        """Return all protocols by name; of each name, first the version that the name stands for."""
        saved = self._saved()
        return tuple(listing for name in self._names() for listing in _versions(name, saved))

    def protocol_listing(self, reference: str) -> ProtocolListing:
        """Return a built-in or saved protocol, by ``NAME`` or ``NAME@VERSION``.

        Raises
        ------
        NotFoundError
            If there is none; the message lists the names.
        """
        if (parts := _REFERENCE.fullmatch(reference)) is not None:
            for listing in _versions(parts["name"], self._saved(parts["name"])):
                if parts["version"] in (None, str(listing.protocol.version)):
                    return listing
        raise NotFoundError(f"there is no protocol {reference!r}; there are {', '.join(self._names())}")

    def protocol(self, reference: str) -> Protocol:
        """Return a protocol by ``NAME``, ``NAME@VERSION`` or the path of a YAML file.

        Raises
        ------
        UnknownProtocolError
            If there is none; the message lists the names.
        InvalidProtocolError
            If the file is not a protocol.
        """
        try:
            return self.protocol_listing(reference).protocol
        except NotFoundError:
            if not Path(reference).exists():
                raise UnknownProtocolError(
                    f"there is no protocol {reference!r}: no file of that name, and the built-in and saved "
                    f"ones are {', '.join(self._names())}"
                ) from None
            return load(reference)

    def save_protocol(self, text: str) -> ProtocolListing:
        """Save a protocol, as YAML, under its own name and version.

        Raises
        ------
        InvalidProtocolError
            If it is not a protocol.
        UsageError
            If a session used this version with other content; the changed protocol needs another version.
        """
        saved = self._writable().protocol_versions.save(text)
        return _listing(saved.name, saved.text, used=saved.used_at is not None)

    def remove_protocol(self, name: str, version: int) -> None:
        """Remove a saved version of a protocol.

        Raises
        ------
        NotFoundError
            If it is not saved.
        UsageError
            If a session used it: it then stays.
        """
        self._writable().protocol_versions.remove(name, version)

    def setups(self) -> Mapping[str, Setup]:
        """Return all saved sensor set-ups, by name."""
        saved = () if self._store is None else self._store.setups.list()
        return MappingProxyType({each.name: parse_setup(each.text, each.name) for each in saved})

    def named_setup(self, name: str) -> Setup:
        """Return a saved sensor set-up.

        Raises
        ------
        NotFoundError
            If there is none of that name; the message lists the names.
        """
        if self._store is None:
            raise NotFoundError(f"there is no sensor set-up {name!r}; there are: {NO_SETUPS}")
        return parse_setup(self._store.setups.get(name).text, name)

    def setup(self, reference: str) -> Setup:
        """Return a sensor set-up by its name or the path of a YAML file.

        Raises
        ------
        NotFoundError
            If there is none; the message lists the names.
        UsageError
            If the file is not a set-up: file, line, field and what would be right.
        """
        try:
            return self.named_setup(reference)
        except NotFoundError:
            if not Path(reference).is_file():
                raise
            return load_setup(Path(reference))

    def save_setup(self, name: str, setup: Setup, *, replace: bool = False) -> None:
        """Save a sensor set-up under a name.

        Raises
        ------
        UsageError
            If the name is not one of small letters, digits and hyphens, or is taken and `replace` is false.
        """
        if not _SETUP_NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name for a set-up; use small letters, digits and hyphens, such as room-1"
            )
        if not replace and name in self.setups():
            raise UsageError(f"there is a set-up {name} already; add --replace to write over it")
        self._writable().setups.save(name, setup_text(setup))

    def remove_setup(self, name: str) -> None:
        """Remove a saved sensor set-up.

        Raises
        ------
        NotFoundError
            If there is none of that name.
        """
        self._writable().setups.remove(name)

    def migrate_setup_files(self, paths: Sequence[Path]) -> SetupMigration:
        """Copy set-up files into the store, each once; the files stay as they are.

        Where the store has another set-up of the name, that one keeps it, and the file's set-up is saved
        under the name with a number, such as ``room-1-2``. A set-up that was removed does not come back.

        Parameters
        ----------
        paths : sequence of Path
            The YAML files.
        """
        found, refused = [], []
        for path in paths:
            try:
                found.append(SetupFile(path=path, text=setup_text(load_setup(path))))
            except UsageError as error:
                refused.append(str(error))
        migrated = self._writable().setups.migrate_files(found) if found else ()
        return SetupMigration(migrated, tuple(refused))

    def _names(self) -> list[str]:
        return sorted({*library(), *(version.name for version in self._saved())})

    def _saved(self, name: str | None = None) -> Sequence[ProtocolVersion]:
        return () if self._store is None else self._store.protocol_versions.list(name)

    def _writable(self) -> Store:
        if self._store is None:
            raise UsageError("there is no store yet to save in or remove from")
        return self._store


def _versions(name: str, saved: Sequence[ProtocolVersion]) -> list[ProtocolListing]:
    """Return all versions of one name, the highest first; a saved one before a built-in one."""
    listings = [
        _listing(name, version.text, used=version.used_at is not None)
        for version in saved
        if version.name == name
    ]
    for text in built_in_texts(name):
        built_in = _listing(name, text, built_in=True)
        # A saved copy of it that a session left is the same protocol.
        copies = [listing for listing in listings if listing.sha256 == built_in.sha256]
        built_in = replace(built_in, used=any(copy.used for copy in copies))
        listings = [*(listing for listing in listings if listing not in copies), built_in]
    return sorted(listings, key=lambda listing: (-listing.protocol.version, listing.built_in))


def _listing(name: str, text: str, *, built_in: bool = False, used: bool = False) -> ProtocolListing:
    protocol = parse(text.encode(), name)
    sha256 = protocol_sha256(protocol)
    return ProtocolListing(protocol=protocol, text=text, sha256=sha256, built_in=built_in, used=used)
