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
        (("selectbox", "clients.nature"), 2, "nature", "wind"),
        (("selectbox", "clients.nature"), 0, "nature", None),
        (("selectbox", "clients.tonic"), 1, "tonic", 0),
        (("selectbox", "clients.tonic"), 0, "tonic", None),
        (("selectbox", "clients.metre"), 3, "metre", "6/8"),
        (("selectbox", "clients.metre"), 0, "metre", None),
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
