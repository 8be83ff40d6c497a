"""Preferences on the command line: what is left out stays, what is cleared is empty."""

from dataclasses import replace

import pytest

from biofeedback.cli import exit_status, sessions
from biofeedback.cli.options import now
from biofeedback.settings import DATA_VARIABLE
from biofeedback.store.store import Store
from generator.preferences import Preferences

LIKED = Preferences(
    palette="harp-bells",
    nature="rain",
    tonic=4,
    metre="3/4",
    playback="loudspeakers",
    unwanted=("bells", "air"),
    register_range=(0.2, 0.6),
)
PROFILE = {"cautions": ("tinnitus",), "goals": ("sleep",), "volume_db": -12.0}

GIVEN = {
    "palette": (("--palette", "soft-strings"), {"palette": "soft-strings"}),
    "nature": (("--nature", "wind"), {"nature": "wind"}),
    "tonic": (("--tonic", "0"), {"tonic": 0}),
    "metre": (("--metre", "any"), {"metre": "any"}),
    "playback": (("--playback", "headphones"), {"playback": "headphones"}),
    "without": (("--without", "pad"), {"unwanted": ("pad",)}),
    "register": (("--register", "0.3:0.5"), {"register_range": (0.3, 0.5)}),
}
CLEARED = {
    "palette": {"palette": None},
    "nature": {"nature": None},
    "tonic": {"tonic": None},
    "metre": {"metre": None},
    "playback": {"playback": None},
    "without": {"unwanted": ()},
    "register": {"register_range": (0.0, 1.0)},
}
PROFILE_GIVEN = {
    "caution": (("--caution", "epilepsy"), {"cautions": ("epilepsy",)}),
    "goal": (("--goal", "walk"), {"goals": ("walk",)}),
    "volume-db": (("--volume-db", "-6"), {"volume_db": -6.0}),
}
PROFILE_CLEARED = {"caution": {"cautions": ()}, "goal": {"goals": ()}, "volume-db": {"volume_db": None}}


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with one client who has agreed to sessions."""
    folder = tmp_path / "data"
    monkeypatch.setenv(DATA_VARIABLE, str(folder))
    with Store.open(folder, now=now) as store:
        store.clients.add("P-017", preferences=LIKED, **PROFILE)
        store.clients.give_consent("P-017", version="2026-03")
    return folder


@pytest.fixture
def client_after(data):
    """Return a function that runs ``clients change`` and returns the client."""

    def change(*arguments):
        assert exit_status(["clients", "change", "P-017", *arguments]) == 0
        with Store.open(data, now=now) as store:
            return store.clients.get("P-017")

    return change


@pytest.fixture
def played(data, monkeypatch):
    """Return a function that runs a session for the client and returns the preferences that it was given."""

    def run(*arguments):
        plans = []
        monkeypatch.setattr(sessions, "carry_out", lambda plan: plans.append(plan) or 0)
        given = ("--input", "listener=virtual:responder", "--client", "P-017", "--audio", "none")
        assert exit_status(["run", "--protocol", "isoprinciple-relaxation", *given, *arguments]) == 0
        return plans[0].preferences

    return run


@pytest.mark.parametrize("option", [*GIVEN, *PROFILE_GIVEN])
def test_one_option_changes_its_field_of_a_client_and_no_other(client_after, option):
    arguments, expected = (GIVEN | PROFILE_GIVEN)[option]
    changed = client_after(*arguments)
    likes = replace(LIKED, **expected) if option in GIVEN else LIKED
    profile = PROFILE if option in GIVEN else {**PROFILE, **expected}
    assert changed.preferences == likes
    assert {name: getattr(changed, name) for name in PROFILE} == profile


@pytest.mark.parametrize("option", [*CLEARED, *PROFILE_CLEARED])
def test_clear_empties_its_field_of_a_client_and_no_other(client_after, option):
    changed = client_after("--clear", option)
    likes = replace(LIKED, **CLEARED[option]) if option in CLEARED else LIKED
    profile = PROFILE if option in CLEARED else {**PROFILE, **PROFILE_CLEARED[option]}
    assert changed.preferences == likes
    assert {name: getattr(changed, name) for name in PROFILE} == profile


def test_one_field_is_set_while_another_is_cleared(client_after):
    changed = client_after("--nature", "wind", "--clear", "tonic", "--clear", "goal")
    assert changed.preferences == replace(LIKED, nature="wind", tonic=None)
    assert (changed.cautions, changed.goals) == (("tinnitus",), ())


@pytest.mark.parametrize(
    "arguments", [("--tonic", "3", "--clear", "tonic"), ("--goal", "x", "--clear", "goal")]
)
def test_a_field_that_is_given_and_cleared_is_refused(data, capsys, arguments):
    assert exit_status(["clients", "change", "P-017", *arguments]) == 2
    assert capsys.readouterr().err.endswith(", not both\n")


@pytest.mark.parametrize("option", [*GIVEN, *PROFILE_GIVEN])
def test_one_option_sets_its_field_of_a_new_client(data, option):
    arguments, expected = (GIVEN | PROFILE_GIVEN)[option]
    assert exit_status(["clients", "add", "P-018", *arguments]) == 0
    with Store.open(data, now=now) as store:
        added = store.clients.get("P-018")
    assert added.preferences == (Preferences(**expected) if option in GIVEN else Preferences())
    empty = {"cautions": (), "goals": (), "volume_db": None}
    profile = empty if option in GIVEN else {**empty, **expected}
    assert {name: getattr(added, name) for name in empty} == profile


def test_a_session_without_options_has_the_preferences_of_the_client(played):
    assert played() == LIKED


@pytest.mark.parametrize("option", sorted({*GIVEN} - {"without"}))
def test_one_option_of_a_session_leaves_the_other_preferences_of_the_client(played, option):
    arguments, expected = GIVEN[option]
    assert played(*arguments) == replace(LIKED, **expected)


def test_without_adds_to_the_unwanted_sounds_of_the_client_in_a_session(played):
    assert played("--without", "pad") == replace(LIKED, unwanted=("bells", "air", "pad"))


@pytest.mark.parametrize("option", CLEARED)
def test_clear_sets_one_preference_of_the_client_aside_in_a_session(played, option):
    assert played("--clear", option) == replace(LIKED, **CLEARED[option])


def test_clear_without_a_client_is_refused(capsys):
    run = ["run", "--protocol", "isoprinciple-relaxation", "--input", "listener=virtual:responder"]
    assert exit_status([*run, "--clear", "tonic"]) == 2
    assert "--clear needs --client" in capsys.readouterr().err


@pytest.mark.parametrize("option", GIVEN)
@pytest.mark.parametrize("command", ["render", "preview"])
def test_one_option_reaches_the_music_of_a_command_without_a_client(tmp_path, monkeypatch, command, option):
    arguments, expected = GIVEN[option]
    pieces = []
    trajectory = tmp_path / "t.csv"
    trajectory.write_text("time_s,tempo_bpm\n0,60\n10,60\n")
    monkeypatch.setattr("generator.render.render", lambda _trajectory, piece, *_, **__: pieces.append(piece))
    line = {
        "render": ["render", "--trajectory", str(trajectory), "--midi", str(tmp_path / "x.mid")],
        "preview": ["protocols", "preview", "isoprinciple-relaxation", "--wav", str(tmp_path / "x.wav")],
    }[command]
    assert exit_status([*line, *arguments]) == 0
    (piece,) = pieces
    assert {name: getattr(piece, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), {"form": "none", "tonal_plan": "none", "metre": "4/4"}),
        (("--form", "gentle"), {"form": "gentle", "tonal_plan": "none"}),
        (("--tonal-plan", "related", "--metre", "6/8"), {"tonal_plan": "related", "metre": "6/8"}),
    ],
)
def test_render_takes_the_form_of_the_piece(tmp_path, monkeypatch, arguments, expected):
    pieces = []
    trajectory = tmp_path / "t.csv"
    trajectory.write_text("time_s,tempo_bpm\n0,60\n10,60\n")
    monkeypatch.setattr("generator.render.render", lambda _trajectory, piece, *_, **__: pieces.append(piece))
    render = ["render", "--trajectory", str(trajectory), "--midi", str(tmp_path / "x.mid")]
    assert exit_status([*render, *arguments]) == 0
    assert {name: getattr(pieces[0], name) for name in expected} == expected


def test_the_piece_of_a_protocol_reaches_the_music(data, monkeypatch):
    plans = []
    monkeypatch.setattr(sessions, "carry_out", lambda plan: plans.append(plan) or 0)
    given = ("--input", "listener=virtual:responder", "--audio", "none", "--set", "piece.form=gentle")
    assert exit_status(["run", "--protocol", "u-arc", *given, "--metre", "3/4"]) == 0
    piece = plans[0].piece
    assert (piece.form, piece.tonal_plan, piece.metre) == ("gentle", "related", "3/4")
