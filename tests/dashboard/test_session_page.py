"""The page of a session while the engine prepares it."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from biofeedback.service.schemas import EngineView, SamplesView, State
from dashboard.pages import session
from dashboard.texts import text


def opening(share):
    """The page while a session is prepared and this share of its instruments is rendered."""
    view = EngineView(
        version="1",
        stage="preparing",
        trouble="",
        heartbeat_s=0.0,
        clients_watching=0,
        samples=SamplesView(share=share),
    )
    return SimpleNamespace(state=lambda: State(engine=view, session=None))


def shown(monkeypatch, share):
    monkeypatch.setattr(session, "engine", lambda: opening(share))
    monkeypatch.setattr(session, "rerun_on_stage_change", lambda *_: None)

    def script():
        from dashboard.pages import session  # noqa: PLC0415 - the script runs by itself

        session.page()

    return AppTest.from_function(script, default_timeout=60).run()


@pytest.mark.parametrize(("share", "percent"), [(0.0, "0"), (0.404, "40"), (1.0, "100")])
def test_it_shows_how_far_the_instruments_are(monkeypatch, share, percent):
    page = shown(monkeypatch, share)
    assert not page.exception
    (bar,) = page.get("progress")
    assert bar.proto.text == f"Instruments are being prepared: {percent} %"
    assert [button.label for button in page.button] == [text("session.leave")]


def test_without_instruments_to_wait_for_it_tells_of_the_sensors(monkeypatch):
    page = shown(monkeypatch, None)
    assert not page.exception
    assert [info.value for info in page.info] == [text("session.opening")]
