"""Orders from any thread: once for each key, to the session while one runs, an emergency past all queues."""

from typing import get_args

import pytest

from biofeedback.commands import Answer, EmergencyStop, Marker
from biofeedback.service.command_queue import OVER, CommandQueue
from biofeedback.service.requests import LEADS_TO, Close, CommandRequest, HostOrder, Stage, refusal


def ordered(command, key: str = "key-00001") -> CommandRequest:
    return CommandRequest(key=key, command=command)


def test_an_order_waits_for_the_host_and_has_one_answer() -> None:
    orders = CommandQueue(lambda: None)
    promise = orders.order(ordered(Close()), origin="therapist")
    waiting = orders.take(0)
    assert (waiting.ordered.command, waiting.origin) == (Close(), "therapist")
    assert not promise.done()
    orders.answer("key-00001", Answer(True, "first"))
    orders.answer("key-00001", Answer(False, "second"))
    assert orders.order(ordered(Close()), origin="therapist").result(0) == Answer(True, "first")
    assert orders.take(0) is None


def test_in_a_session_commands_go_to_its_inbox_and_orders_of_the_host_are_refused() -> None:
    orders = CommandQueue(lambda: None)
    inbox = orders.open_session()
    refused = orders.order(ordered(Close(), "key-close"), origin="therapist").result(0)
    assert (refused.accepted, "running" in refused.text) == (False, True)
    promise = orders.order(ordered(Marker(text="x"), "key-marker"), origin="listener")
    (told,) = inbox.take()
    assert (told.command, told.origin, told.key) == (Marker(text="x"), "listener", "key-marker")
    inbox.on_answer("key-marker", True, "marked")
    assert promise.result(0) == Answer(True, "marked")


def test_what_waits_when_a_session_begins_is_the_session_s() -> None:
    orders = CommandQueue(lambda: None)
    orders.order(ordered(EmergencyStop(), "key-emergency"), origin="therapist")
    refused = orders.order(ordered(Close(), "key-close"), origin="therapist")
    inbox = orders.open_session()
    assert [told.key for told in inbox.take()] == ["key-emergency"]
    assert not refused.result(0).accepted
    assert orders.take(0) is None


def test_what_a_session_leaves_unanswered_is_answered_at_its_end() -> None:
    orders = CommandQueue(lambda: None)
    orders.open_session()
    promise = orders.order(ordered(Marker(text="x")), origin="therapist")
    orders.close_session()
    assert promise.result(0) == OVER
    orders.order(ordered(Marker(text="y"), "key-later"), origin="therapist")
    assert orders.take(0).ordered.key == "key-later"


def test_an_emergency_stop_acts_before_anybody_steps() -> None:
    silenced = []
    orders = CommandQueue(lambda: silenced.append("sound check"))
    orders.order(ordered(EmergencyStop(), "key-first"), origin="therapist")
    assert orders.take(0).ordered.key == "key-first"
    inbox = orders.open_session()
    inbox.connect(lambda told: silenced.append(told.key))
    orders.order(ordered(EmergencyStop(), "key-second"), origin="therapist")
    assert silenced == ["sound check", "key-second"]
    assert inbox.take() == ()


@pytest.mark.parametrize("order", sorted(LEADS_TO))
def test_every_order_of_the_host_has_its_stages(order: str) -> None:
    names = {kind.model_fields["name"].default for kind in get_args(HostOrder)}
    assert names == set(LEADS_TO)
    assert set(LEADS_TO[order]) | set(LEADS_TO[order].values()) <= set(Stage)
    assert "running" not in LEADS_TO[order]
    assert order in refusal(order, "running")
