"""The tables, the way to them, and their use from several threads and processes."""

import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql

from biofeedback.errors import StoreError
from biofeedback.store import database
from biofeedback.store.store import Store
from biofeedback.store.tables import METADATA
from protocols.loading import load

EARLIER = Path(__file__).parents[2] / "fixtures" / "version-0.1"


@pytest.mark.parametrize("revision", [None, "0001", "0002"])
def test_a_new_store_and_a_migrated_one_have_the_tables_that_the_store_uses(revision, folder, clock):
    folder.mkdir()
    if revision is not None:
        shutil.copy(EARLIER / "clinic" / "store.sqlite", folder)
    if revision == "0001":
        with closing(sqlite3.connect(folder / "store.sqlite")) as connection:
            connection.execute("ALTER TABLE ratings DROP COLUMN written_at")
            connection.execute("UPDATE alembic_version SET version_num = '0001'")
            connection.commit()
    with Store.open(folder, now=clock, recover=False) as store, store.database.reading() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == database.REVISION


def test_the_newest_migration_is_the_one_that_the_store_asks_for():
    migrations = f"{database.__file__.removesuffix('database.py')}migrations"
    config = Config()
    config.set_main_option("script_location", migrations)
    assert ScriptDirectory.from_config(config).get_current_head() == database.REVISION


def test_every_statement_is_one_for_postgresql_too(store, client, record, folder):
    """All that the store says to its database is compiled for another one."""
    said, written = [], []
    engine = store.database._engine

    @sa.event.listens_for(engine, "before_execute")
    def compiled(_connection, statement, _many, _parameters, _options):
        said.append(str(statement.compile(dialect=postgresql.dialect())))

    @sa.event.listens_for(engine, "before_cursor_execute")
    def executed(_connection, _cursor, statement, _parameters, _context, _many):
        written.append(statement)

    session = store.sessions.adopt(record(folder / "sessions" / "s"), client)
    begun = store.sessions.begin(store.sessions.new_directory("x"), client=client, protocol=load("u-arc"))
    store.sessions.abandon(begun.id)
    store.setups.save("room", "title: Room\ninputs: [ecg=lsl:name=Polar]\n")
    store.sessions.list("50% pain", client, limit=3, offset=1)
    store.sessions.add_note(session.id, "note")
    store.sessions.facts(session.id)
    store.clients.change(client, goals=["x"])
    store.retention.set_rule(3, client)
    store.retention.past()
    store.recover()
    store.audit.entries(3)
    store.retention.delete_client(client)
    assert any("FOR UPDATE" in statement for statement in said)
    of_the_driver = ("BEGIN", "PRAGMA wal_checkpoint")
    assert len(said) == sum(not statement.startswith(of_the_driver) for statement in written)
    with store.database.reading() as connection:
        for table in METADATA.sorted_tables:
            sa.schema.CreateTable(table).compile(dialect=postgresql.dialect())
        assert connection.dialect.name == "sqlite"


def test_any_thread_may_call_and_the_audit_stays_one_chain(store):
    faults = []

    def add(number):
        try:
            for count in range(5):
                store.clients.add(f"T-{number}-{count}")
                store.clients.list()
        except Exception as error:  # noqa: BLE001 - told to the test
            faults.append(error)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(store.clients.list()) == 30
    assert store.audit.head().number == 30
    assert store.audit.verify() == []


ADD = """
import sys
from datetime import datetime, timezone
from pathlib import Path
from biofeedback.store.store import Store

with Store.open(Path(sys.argv[1]), now=lambda: datetime.now(timezone.utc)) as store:
    for count in range(5):
        store.clients.add(f"{sys.argv[2]}-{count}")
"""


@pytest.mark.realtime
def test_processes_that_open_a_new_store_at_once_share_it(folder, clock):
    processes = [
        subprocess.Popen([sys.executable, "-c", ADD, str(folder), f"P{number}"], stderr=subprocess.PIPE)
        for number in range(3)
    ]
    assert [process.communicate()[1] for process in processes] == [b""] * 3
    with Store.open(folder, now=clock) as store:
        assert len(store.clients.list()) == 15
        assert store.audit.verify() == []


def test_the_folder_is_for_its_owner_only(store, folder):
    assert folder.stat().st_mode & 0o077 == 0 or sys.platform == "win32"


def test_durability_and_integrity_are_switched_on(store):
    with store.database.reading() as connection:
        on = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous", "secure_delete")
        }
    assert on == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": 10_000,
        "synchronous": 2,
        "secure_delete": 1,
    }


def test_a_store_of_a_later_version_is_refused(store, folder, clock):
    with store.database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="was written by a later version of this program"):
        Store.open(folder, now=clock)


def test_a_file_that_is_no_database_is_refused_in_one_line(folder, clock):
    folder.mkdir()
    (folder / "store.sqlite").write_text("not a database, but long enough to be looked at " * 30)
    with pytest.raises(StoreError, match="file is not a database") as refused:
        Store.open(folder, now=clock)
    assert "\n" not in str(refused.value)


def test_a_folder_that_is_a_file_is_refused_in_one_line(tmp_path, clock):
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="cannot be the data folder"):
        Store.open(tmp_path / "data", now=clock)
