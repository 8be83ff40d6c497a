"""Back-up and restore: the data folder and the calibrations of sound devices in one file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import sys
import zipfile
import zlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

import sqlalchemy as sa

from biofeedback.errors import StoreError, UsageError
from biofeedback.recording.storage import META_NAME
from biofeedback.settings import EXPORT_KEY_NAME, STORE_NAME
from biofeedback.store import audit
from biofeedback.store.database import Database, Repository, Transactions
from biofeedback.store.records import AuditHead, counted
from biofeedback.store.sessions import SessionRepository
from biofeedback.store.tables import CLIENTS, METADATA, PROTOCOLS, SESSIONS, SETUPS

MANIFEST_NAME = "manifest.json"
CALIBRATION_NAME = "calibration.json"
_BLOCK = 1 << 20
_ROWS = 1000

_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError)
"""What reading an archive raises, depending on where it is damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupContents:
    """What a back-up holds.

    Attributes
    ----------
    sessions, clients, protocols, setups : int
        Number of sessions, clients, saved versions of protocols and sensor set-ups.
    export_key : bool
        Whether it holds the key of the participant numbers in exports. Without it a restored store gives
        participants other numbers.
    calibrations : int
        Number of sound devices with a calibration.
    """

    sessions: int
    clients: int
    protocols: int
    setups: int
    export_key: bool
    calibrations: int

    def __str__(self) -> str:
        parts = [
            counted(self.sessions, "session"),
            counted(self.clients, "client"),
            counted(self.protocols, "saved protocol"),
            counted(self.setups, "sensor set-up"),
            counted(self.calibrations, "calibration"),
            "the key of the participant numbers" if self.export_key else "no key of the participant numbers",
        ]
        return ", ".join(parts)


class Backup(Repository):
    """Writes the data folder and the calibrations of sound devices into one file."""

    def write(self, file: Path, *, calibration: Path | None = None) -> BackupContents:
        """Write everything into a file, which takes the place of an earlier one only when it is whole.

        Everything that a restored clinic needs: sessions, clients, consents, rules, protocols, sensor
        set-ups, the audit, the key of the participant numbers, and the calibrations of sound devices.
        Sessions may be recorded meanwhile: of those that have no end yet, the back-up holds what there is at
        that moment, and a restore recovers them as cut off.

        Parameters
        ----------
        file : Path
            The back-up.
        calibration : Path, optional
            The file of calibrations, if it is to be backed up too.

        Raises
        ------
        StoreError
            If something cannot be read or written, or a session was deleted meanwhile.
        """
        part = file.with_name(f"{file.name}.part")
        rows = file.with_name(f"{file.name}.rows.part")
        try:
            rows.unlink(missing_ok=True)
            copied = _copy_rows(self._transactions, rows)
            others = {EXPORT_KEY_NAME: self._transactions.folder / EXPORT_KEY_NAME}
            if calibration is not None:
                others[CALIBRATION_NAME] = calibration
            others = {name: path for name, path in others.items() if path.is_file()}
            from biofeedback.calibration import calibrated_devices  # noqa: PLC0415 - it needs scipy

            calibrations = others.get(CALIBRATION_NAME)
            contents = BackupContents(
                **copied.counts,
                export_key=EXPORT_KEY_NAME in others,
                calibrations=0 if calibrations is None else len(calibrated_devices(calibrations)),
            )
            with part.open("wb") as raw:
                with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                    members = {STORE_NAME: _put(archive, STORE_NAME, rows)}
                    members |= {name: _put(archive, name, path) for name, path in others.items()}
                    for directory in copied.directories:
                        for path in _in_order(directory):
                            name = path.relative_to(self._transactions.folder).as_posix()
                            members[name] = _put(archive, name, path)
                    head = [copied.head.number, copied.head.sha256]
                    manifest = {"audit_head": head, "contents": asdict(contents), "files": members}
                    archive.writestr(MANIFEST_NAME, json.dumps(manifest, indent=1))
                raw.flush()
                os.fsync(raw.fileno())
            part.replace(file)
        except FileNotFoundError as error:
            raise StoreError(f"{error.filename} went away while it was backed up; back up again") from None
        except OSError as error:
            raise StoreError(f"{file} cannot be written: {error.strerror or error}") from None
        finally:
            rows.unlink(missing_ok=True)
        with self._transactions.write() as transaction:
            transaction.log("back-up made", "store", "")
        return contents


def unpack(file: Path, folder: Path, calibration: Path | None) -> None:
    """Make a data folder of a back-up; see `Store.restore`."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty; restore into a folder that does not exist yet")
    part = folder.with_name(f".{folder.name}.restoring")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700, parents=True)
        with _opened(file) as archive:
            _extract(archive, file, part)
        (part / audit.HEADS_NAME).touch()  # filled from the rows when the store is opened
        if (key := part / EXPORT_KEY_NAME).exists():
            key.chmod(0o600)
        if (calibrations := part / CALIBRATION_NAME).exists():
            if calibration is not None:
                from biofeedback.calibration import add_calibrations  # noqa: PLC0415 - it needs scipy

                add_calibrations(calibrations, calibration)
            calibrations.unlink()
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    except _DAMAGE as error:
        raise StoreError(f"{file} is not as it was written: {error}") from None
    except OSError as error:
        raise StoreError(f"{file} cannot be restored to {folder}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def backup_contents(file: Path) -> BackupContents | None:
    """Return what a back-up says that it holds; None for one of an earlier version, which does not say.

    Raises
    ------
    StoreError
        If it is no back-up, or half of one.
    """
    with _opened(file) as archive:
        contents = _manifest(archive, file).contents
    try:
        return None if contents is None else BackupContents(**contents)
    except TypeError:
        raise StoreError(f"{file} was written by a later version of this program; use that version") from None


def backup_head(file: Path) -> AuditHead:
    """Return the head of the audit when a back-up was made.

    Raises
    ------
    StoreError
        If it is no back-up, or half of one.
    """
    with _opened(file) as archive:
        return _manifest(archive, file).head


class _CopiedRows(NamedTuple):
    """The rows of a store at one moment: the audit's head, numbers of rows, and the directories they need."""

    head: AuditHead
    counts: dict[str, int]
    directories: list[Path]


def _copy_rows(transactions: Transactions, target: Path) -> _CopiedRows:
    """Copy all rows, as they are at one moment, into a database of their own.

    Row by row, so that any database can be backed up, and restored as SQLite.
    """
    copy = Database(sa.URL.create("sqlite", database=str(target)))
    try:
        with transactions.database.reading() as source, copy.writing() as written:
            for table in METADATA.sorted_tables:
                for rows in source.execute(sa.select(table)).mappings().partitions(_ROWS):
                    written.execute(sa.insert(table), [dict(row) for row in rows])
            closed = sa.select(SESSIONS.c.location).where(SESSIONS.c.state.in_(("closed", "recovered")))
            needed = {transactions.folder / location for location in source.scalars(closed)}
            head = audit.head_of(source)
            counts = _counts(source)
        copy.tidy()
    except UnicodeEncodeError:
        raise StoreError(f"{transactions.database.name} is damaged; see biofeedback audit verify") from None
    finally:
        copy.close()
    there = SessionRepository(transactions).directories()
    return _CopiedRows(head, counts, sorted(needed | {*there}))


def _counts(connection: sa.Connection) -> dict[str, int]:
    tables = (SESSIONS, CLIENTS, PROTOCOLS, SETUPS)
    queries = {table.name: sa.select(sa.func.count()).select_from(table) for table in tables}
    queries["sessions"] = queries["sessions"].where(SESSIONS.c.state.not_in(("deleting", "deleted")))
    return {name: connection.scalar(query) or 0 for name, query in queries.items()}


def _in_order(directory: Path) -> list[Path]:
    """Return the files of a session, ``session.json`` first: if that has an end, the others are complete."""
    if not directory.exists():
        raise FileNotFoundError(2, "gone", str(directory))
    files = (path for path in directory.rglob("*") if path.is_file())
    return sorted(files, key=lambda path: (path.name != META_NAME, path))


def _put(archive: zipfile.ZipFile, name: str, path: Path) -> dict[str, Any]:
    """Copy a file, up to its present end, into the archive; return its size and SHA-256."""
    info = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
    info.compress_type = zipfile.ZIP_STORED if path.suffix == ".flac" else zipfile.ZIP_DEFLATED
    with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
        return _copy(source, target, path.stat().st_size)


def _opened(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except FileNotFoundError:
        raise StoreError(f"there is no back-up {file}") from None
    except _DAMAGE:
        raise StoreError(f"{file} is half a back-up, or none: it has no end") from None
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror or error}") from None


class _Manifest(NamedTuple):
    """What a back-up says of itself: the audit's head, size and SHA-256 of each file, and what it holds."""

    head: AuditHead
    files: dict[str, dict[str, Any]]
    contents: dict[str, Any] | None


def _manifest(archive: zipfile.ZipFile, file: Path) -> _Manifest:
    try:
        manifest = json.loads(archive.read(MANIFEST_NAME))
        number, sha256 = manifest["audit_head"]
        return _Manifest(AuditHead(number, sha256), manifest["files"], manifest.get("contents"))
    except (KeyError, TypeError, *_DAMAGE):
        raise StoreError(f"{file} is not a back-up, or its {MANIFEST_NAME} was changed") from None


def _extract(archive: zipfile.ZipFile, file: Path, folder: Path) -> None:
    members = _manifest(archive, file).files
    if {*archive.namelist()} != {MANIFEST_NAME, *members}:
        raise StoreError(f"{file} does not hold the files that its {MANIFEST_NAME} lists")
    for name, expected in members.items():
        if ".." in (parts := PurePosixPath(name).parts) or parts[0] == "/":
            raise StoreError(f"{file} holds {name}, which does not belong there")
        target = folder.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as source, target.open("wb") as written:
            if _copy(source, written)["sha256"] != expected["sha256"]:
                raise StoreError(f"{file} is not as it was written: {name} was changed")


def _copy(source: IO[bytes], target: IO[bytes], limit: int = sys.maxsize) -> dict[str, Any]:
    """Copy bytes, at most `limit`; return their number and SHA-256."""
    digest = hashlib.sha256()
    copied = 0
    while block := source.read(min(_BLOCK, limit - copied)):
        digest.update(block)
        target.write(block)
        copied += len(block)
    return {"bytes": copied, "sha256": digest.hexdigest()}
