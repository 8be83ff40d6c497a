"""The page *Clients*: saving changes the field that was changed, and an emptied field is cleared."""

import pytest
from streamlit.testing.v1 import AppTest

from biofeedback.service.requests import PreferencesRequest
from biofeedback.service.schemas import ClientView
from dashboard.pages import clients
from dashboard.texts import text

LIKED = PreferencesRequest(
    palette="harp-bells",
    nature="rain",
    tonic=4,
    metre="3/4",
    playback="headphones",
    unwanted=["bells"],
    register_low=0.25,
    register_high=0.6,
)
WHO = ClientView(
    code="P-017",
    preferences=LIKED,
    volume_db=-12.0,
    cautions=("tinnitus",),
    goals=("sleep",),
    consent=None,
    sessions=0,
)
SAVED = {
    "preferences": LIKED.model_dump(),
    "volume_db": -12.0,
    "cautions": ["tinnitus"],
    "goals": ["sleep"],
}


class Engine:
    """Answers the page and keeps what it saves."""

    def __init__(self):
        self.saved = []

    def clients(self):
        return (WHO,)

    def palette_files(self):
        return ("mine.yaml",)

    def sessions(self, **_):
        return ()

    def change_client(self, code, **about):
        self.saved.append((code, about))


@pytest.fixture
def engine(monkeypatch):
    engine = Engine()
    monkeypatch.setattr(clients, "engine", lambda: engine)
    return engine


@pytest.fixture
def page(engine):
    def script():
        from dashboard.pages import clients  # noqa: PLC0415 - the script runs by itself

        clients.page()

    test = AppTest.from_function(script, default_timeout=60)
    test.session_state["client"] = "P-017"
    test.engine = engine
    return test.run()


def labelled(page, kind, name):
    return next(each for each in getattr(page, kind) if each.label == text(name))


def saved(page):
    assert not page.exception
    labelled(page, "button", "clients.save").click().run()
    ((code, about),) = page.engine.saved
    assert code == "P-017"
    return about


def test_what_was_not_touched_is_saved_as_it_was(page):
    assert saved(page) == SAVED


@pytest.mark.parametrize(
    ("widget", "value", "field", "expected"),
    [
        (("selectbox", "clients.palette"), 0, "palette", None),
        (("selectbox", "clients.palette"), -1, "palette", "mine.yaml"),
        (("selectbox", "clients.nature"), 4, "nature", "wind"),
        (("selectbox", "clients.nature"), 0, "nature", None),
        (("selectbox", "clients.tonic"), 1, "tonic", 0),
        (("selectbox", "clients.tonic"), 0, "tonic", None),
        (("selectbox", "clients.metre"), 3, "metre", "6/8"),
        (("selectbox", "clients.metre"), 0, "metre", None),
        (("selectbox", "clients.playback"), 1, "playback", "loudspeakers"),
        (("selectbox", "clients.playback"), 0, "playback", None),
        (("multiselect", "clients.unwanted"), [], "unwanted", []),
        (("slider", "clients.register"), (0.0, 0.6), "register_low", 0.0),
    ],
)
def test_one_preference_is_changed_or_cleared_and_no_other(page, widget, value, field, expected):
    found = labelled(page, *widget)
    if widget[0] == "selectbox":
        found.select_index(value)
    else:
        found.set_value(value)
    likes = {**SAVED["preferences"], field: expected}
    assert saved(page) == {**SAVED, "preferences": likes}


@pytest.mark.parametrize(
    ("widget", "value", "field", "expected"),
    [
        (("number_input", "clients.volume"), None, "volume_db", None),
        (("text_area", "clients.cautions"), "", "cautions", []),
        (("text_area", "clients.goals"), "", "goals", []),
    ],
)
def test_one_field_is_cleared_and_no_other(page, widget, value, field, expected):
    labelled(page, *widget).set_value(value)
    assert saved(page) == {**SAVED, field: expected}


@pytest.fixture
def buttons(monkeypatch):
    """What can be listened to, by the field beside which it stands."""
    shown = {}

    def show(path, body, words, *, key):
        assert path == "palettes/audition.flac"
        assert words["listen"] == text("audition.listen")
        shown[key.split("-")[1]] = body["name"]

    monkeypatch.setattr(clients, "listen_button", show)
    return shown


def test_what_is_chosen_can_be_listened_to_before_it_is_saved(buttons, page):
    assert buttons == {"palette": "harp-bells", "nature": "rain"}
    labelled(page, "selectbox", "clients.palette").set_value("felt-piano")
    labelled(page, "selectbox", "clients.nature").set_value("sea")
    page.run()
    assert buttons == {"palette": "felt-piano", "nature": "sea"}
    assert page.engine.saved == []
    likes = {**SAVED["preferences"], "palette": "felt-piano", "nature": "sea"}
    assert saved(page) == {**SAVED, "preferences": likes}


@pytest.mark.parametrize("nothing", [0, 1])
def test_what_is_left_to_the_protocol_or_silent_has_no_button(buttons, page, nothing):
    buttons.clear()
    labelled(page, "selectbox", "clients.palette").select_index(0)
    labelled(page, "selectbox", "clients.nature").select_index(nothing)
    page.run()
    assert not page.exception
    assert buttons == {}
