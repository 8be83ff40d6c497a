"""The first step of a session: what the engine refuses is shown on the page."""

import pytest
from streamlit.testing.v1 import AppTest

from biofeedback.client import EngineError
from biofeedback.service.schemas import ProtocolEntry
from dashboard.pages import setup_step
from dashboard.texts import text

PROTOCOL = ProtocolEntry(
    name="u-arc",
    version=1,
    title="Arc",
    arm="closed-loop",
    duration_s=600.0,
    sha256="0",
    built_in=True,
    used=False,
)


class Engine:
    """Has one protocol, and refuses to save a set-up."""

    def clients(self):
        return ()

    def setups(self):
        return ()

    def protocols(self):
        return (PROTOCOL,)

    def protocol_text(self, *_):
        return "id: u-arc"

    def save_setup(self, *_):
        raise EngineError("name: String should match pattern", 422)


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr(setup_step, "engine", Engine)
    monkeypatch.setattr(setup_step, "protocol_arc", lambda *_, **__: None)

    def script():
        from dashboard.pages import setup_step  # noqa: PLC0415 - the script runs by itself

        setup_step.show()

    test = AppTest.from_function(script, default_timeout=60)
    test.session_state["choose-sensors"] = setup_step.OWN
    test.session_state["choose-inputs"] = "ecg=lsl:name=PolarECG"
    test.session_state["choose-keep"] = "Room 1"
    return test.run()


def test_a_refused_name_of_a_set_up_is_shown(page):
    next(each for each in page.button if each.label == text("choose.keep.do")).click().run()
    assert not page.exception
    assert [each.value for each in page.error] == ["name: String should match pattern"]
