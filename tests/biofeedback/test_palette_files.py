"""Palette files: where they are looked for, what is recorded of them, and faults in words."""

import json
from dataclasses import replace

import pytest

from biofeedback.catalog import Catalog
from biofeedback.cli import exit_status
from biofeedback.cli.options import now
from biofeedback.palette_faults import fault_text, instead_text
from biofeedback.palette_files import located, palette_files, recorded_piece
from biofeedback.recording.reader import read_recording
from biofeedback.replay import Replay
from biofeedback.service import renderers
from biofeedback.service.requests import PreferencesRequest, Prepare, resolve
from biofeedback.settings import VARIABLE, palettes_folder
from biofeedback.store.store import Store
from generator.preferences import Preferences
from generator.state import Piece
from generator.synthesis.palette_resolution import resolve_palette
from generator.synthesis.resolved_palette import PaletteFault, PaletteFaultReason

PALETTE = "based_on: warm-pads\nlayers:\n  melody: {instrument: harp}\n"


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "settings"))
    monkeypatch.chdir(tmp_path)
    palettes_folder().mkdir(parents=True)
    return palettes_folder()


def test_a_file_is_found_by_its_path_then_in_the_settings(tmp_path, own_folder):
    (own_folder / "mine.yaml").write_text(PALETTE)
    assert located("mine.yaml") == located("/home/somebody/mine.yaml") == str(own_folder / "mine.yaml")
    (tmp_path / "mine.yaml").write_text(PALETTE)
    assert located("mine.yaml") == str(tmp_path / "mine.yaml")
    assert located("gone.yaml") == "gone.yaml"
    assert located("harp-bells") == "harp-bells"
    assert palette_files() == (own_folder / "mine.yaml",)


@pytest.mark.parametrize("reason", PaletteFaultReason)
def test_every_fault_has_one_line_with_file_and_place(tmp_path, reason):
    fault = PaletteFault(reason=reason, path=tmp_path / "a.yaml", line=3, key="rooms", detail="must be\nx")
    text = fault_text(fault)
    assert text.startswith(f"{tmp_path / 'a.yaml'}, line 3: ")
    assert "\n" not in text
    assert fault_text(replace(fault, line=0)).startswith(f"{tmp_path / 'a.yaml'}: ")


def test_what_plays_instead_is_said_once_and_only_for_faults(tmp_path):
    assert instead_text(resolve_palette("harp-bells")) == ""
    said = instead_text(resolve_palette(str(tmp_path / "gone.yaml")))
    assert "there is no such file" in said
    assert said.endswith("The palette warm-pads plays instead.")


def test_the_engine_says_what_is_wrong_and_plays_the_palette_below(tmp_path, monkeypatch):
    monkeypatch.setattr(renderers, "missing", lambda *_, **__: ())
    renderer = renderers.InstrumentRenderer()
    file = tmp_path / "mine.yaml"
    file.write_text(PALETTE.replace("harp", "hrap"))
    assert renderer.render(str(file)) == "warm-pads"
    assert f"{file}, line 3: layers.melody.instrument 'hrap' is no instrument" in renderer.palette_fault
    file.write_text(PALETTE)
    assert renderer.render(str(file)) == str(file)
    assert renderer.palette_fault == ""


def test_a_palette_file_of_a_client_is_prepared_by_its_path(own_folder):
    (own_folder / "mine.yaml").write_text(PALETTE)
    with Store.open(own_folder / "data", now=now) as store:
        store.clients.add("P-1", preferences=Preferences(palette="mine.yaml"))
        order = Prepare(
            client="P-1", protocol="isoprinciple-relaxation", inputs=["listener=virtual:responder"]
        )
        request = resolve(order, store, Catalog(store))
    assert request.piece.palette == str(own_folder / "mine.yaml")
    assert request.with_palette("warm-pads").preferences.applied_to(Piece()).palette == "warm-pads"


@pytest.mark.parametrize("path", ["/home/anna/mine.yaml", r"C:\Users\anna\mine.yaml", "mine.yaml"])
def test_recordings_name_a_file_without_its_folder(path):
    assert recorded_piece(Piece(palette=path))["palette"] == "mine.yaml"
    order = Prepare(protocol="demo", preferences=PreferencesRequest.of(Preferences(palette=path)))
    assert order.record()["args"]["preferences"]["palette"] == "mine.yaml"
    assert order.preferences.palette == path


def test_a_session_with_a_palette_file_is_recorded_without_its_folder_and_found_again(tmp_path, own_folder):
    file = tmp_path / "anna" / "mine.yaml"
    file.parent.mkdir()
    file.write_text(PALETTE)
    session = tmp_path / "session"
    asked = ["run", "--protocol", "isoprinciple-relaxation", "--input", "listener=virtual:responder"]
    short = ["--command", '70:{"name": "stop"}']
    assert (
        exit_status([*asked, *short, "--out", str(session), "--audio", "none", "--palette", str(file)]) == 0
    )
    assert "anna" not in (session / "session.json").read_text()
    assert json.loads((session / "session.json").read_text())["piece"]["palette"] == "mine.yaml"
    assert b"anna" not in next(session.glob("*.xdf")).read_bytes()
    assert Replay(read_recording(session)).piece.palette == "mine.yaml"
    (own_folder / "mine.yaml").write_text(PALETTE)
    assert Replay(read_recording(session)).piece.palette == str(own_folder / "mine.yaml")
