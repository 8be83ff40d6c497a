"""Files that a person may open are written whole or not at all, by one helper."""

import ast
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import biofeedback
from biofeedback.errors import RecordingError
from biofeedback.recording import storage
from biofeedback.recording.storage import atomic_folder, atomic_path, atomic_paths, write_text

ROOT = Path(biofeedback.__file__).parent.parent
PACKAGES = ("acquisition", "physiology", "generator", "protocols", "biofeedback", "dashboard")
HELPERS = {"atomic_path", "atomic_paths", "atomic_folder"}
ANY_CALLS = {
    "savefig",
    "to_csv",
    "write_html",
    "write_image",
    "ParquetWriter",
    "write_midi",
    "write_events",
    "write_sound_file",
}
METHODS = {"write_text", "write_bytes"}
ALLOWED = {
    # Functions that write to the path they are given; their callers are looked at.
    "generator": {"write_midi", "write_events", "render", "_open_file"},
    "biofeedback": {"replay", "draw_arc", "_sound_file", "start_engine"},
    "generator.live": {"_take_standard_streams"},
    "biofeedback.recording": {"write_sound_file"},
    # Files of an export, in a folder that `atomic_folder` renames at the end.
    "biofeedback.exports": {
        *("_write", "write_csv", "write_parquet", "write_notes", "write_sound", "write_dataset"),
        *("_write_physio", "_write_tsv", "write_json"),
    },
    # Recordings and logs, which grow, and the members of a back-up, which is renamed at the end.
    "biofeedback.store": {"add", "write", "_extract", "_put"},
    # What is in a temporary folder.
    "biofeedback.imports": {"_zip"},
    # Read by programs only.
    "biofeedback.service": {"listen", "engine_lock", "write_endpoint"},
}


def _is_writing(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    is_method = isinstance(call.func, ast.Attribute)
    texts = [value.value for value in call.args if isinstance(value, ast.Constant)]
    if name in {"open", "fdopen"}:
        return any(isinstance(text, str) and set(text) & set("wxa") and len(text) <= 3 for text in texts)
    if name == "SoundFile":
        return not is_method or "w" in texts
    if name == "ZipFile":
        return "w" in texts
    return name in ANY_CALLS or (is_method and name in METHODS)


def _writers(tree: ast.AST, function: str = "", *, atomic: bool = False):
    for node in ast.iter_child_nodes(tree):
        inside, within = function, atomic
        if isinstance(node, ast.FunctionDef):
            inside = node.name
        if isinstance(node, ast.With):
            calls = [item.context_expr for item in node.items]
            names = {
                getattr(call.func, "attr", getattr(call.func, "id", ""))
                for call in calls
                if isinstance(call, ast.Call)
            }
            within = atomic or bool(names & HELPERS)
        if isinstance(node, ast.Call) and not within and _is_writing(node):
            yield inside
        yield from _writers(node, inside, atomic=within)


def test_there_is_no_other_writer():
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            room = ".".join(path.relative_to(ROOT).parent.parts[:2])
            if path != Path(storage.__file__):
                names = {*_writers(ast.parse(path.read_text(encoding="utf-8")))} - ALLOWED.get(room, set())
                found |= {str(path.relative_to(ROOT)): names} if names else {}
    assert found == {}


def test_a_file_is_replaced_once_the_new_one_is_whole(tmp_path):
    path = tmp_path / "report.html"
    write_text(path, "before")
    with atomic_path(path) as part:
        assert part.suffix == ".html"
        part.write_text("after", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "before"
    assert path.read_text(encoding="utf-8") == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "table.csv"
    write_text(path, "before")
    with pytest.raises(ZeroDivisionError), atomic_path(path) as part:
        part.write_text(str("half" if 1 / 0 else ""), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_several_files_or_none(tmp_path):
    one, two = tmp_path / "a.wav", tmp_path / "b.mid"
    with atomic_paths(one, None, two) as (first, nothing, second):
        assert nothing is None
        first.write_bytes(b"1")
        second.write_bytes(b"2")
    assert (one.read_bytes(), two.read_bytes()) == (b"1", b"2")
    with pytest.raises(ZeroDivisionError), atomic_paths(one, two) as (first, _):
        first.write_bytes(b"half" * (1 // 0))
    assert one.read_bytes() == b"1"


def test_two_writers_do_not_mix(tmp_path):
    path = tmp_path / "report.html"
    with atomic_path(path) as part:
        part.write_text("first", encoding="utf-8")
        with pytest.raises(RecordingError, match="is being written by another process"), atomic_path(path):
            pass
    assert path.read_text(encoding="utf-8") == "first"


@pytest.mark.parametrize("name", ["no folder/x.csv", "a folder"])
def test_what_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / "a folder").mkdir()
    with pytest.raises(RecordingError, match=name):
        write_text(tmp_path / name, "x")


def test_a_folder_is_there_whole_or_not_at_all(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "out") as part:
        (part / "half.csv").write_bytes(b"x" * (1 // 0))
    assert list(tmp_path.iterdir()) == []
    with atomic_folder(tmp_path / "out") as part:
        (part / "whole.csv").write_text("x", encoding="utf-8")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "whole.csv"]


KILLED = """
import os, signal, sys
from pathlib import Path
from biofeedback.recording.storage import atomic_path
with atomic_path(Path(sys.argv[1])) as part, part.open("wb") as file:
    file.write(b"x" * 100_000)
    file.flush()
    print("half", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_process_killed_while_it_writes_leaves_what_was_there(tmp_path):
    path = tmp_path / "report.html"
    write_text(path, "before")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "half\n")
    assert path.read_text(encoding="utf-8") == "before"
    assert {one.name for one in tmp_path.iterdir()} == {"report.html", ".report.part.html"}
    write_text(path, "after")
    assert [*tmp_path.iterdir()] == [path]
