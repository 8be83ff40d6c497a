"""Commands from any thread, in order; an emergency stop past them all."""

import threading
from itertools import groupby

from biofeedback.command_inbox import CommandInbox
from biofeedback.commands import EmergencyStop, IssuedCommand, Pause, Stop


def test_commands_are_taken_in_the_order_in_which_each_thread_gave_them() -> None:
    inbox = CommandInbox()

    def give(name: str) -> None:
        for number in range(200):
            inbox.put(Pause(), origin="therapist", key=f"{name}-{number}")

    threads = [threading.Thread(target=give, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    taken: list[IssuedCommand] = []
    while any(thread.is_alive() for thread in threads) or len(taken) < 600:
        taken += inbox.take()
    by_thread = sorted((told.key.split("-")[0], int(told.key.split("-")[1])) for told in taken)
    assert len(set(by_thread)) == 600
    order = sorted(taken, key=lambda told: told.key.split("-")[0])
    for _, group in groupby(order, key=lambda told: told.key.split("-")[0]):
        numbers = [int(told.key.split("-")[1]) for told in group]
        assert numbers == sorted(numbers)
    assert inbox.take() == ()


def test_an_emergency_stop_goes_past_the_queue_while_a_session_runs() -> None:
    inbox, stopped = CommandInbox(), []
    inbox.connect(stopped.append)
    inbox.put(Pause(), origin="listener", key="1")
    inbox.put(EmergencyStop(), origin="listener", key="2")
    assert [told.key for told in stopped] == ["2"]
    assert [told.key for told in inbox.take()] == ["1"]
    inbox.connect(None)
    inbox.put(EmergencyStop(), origin="therapist", key="3")
    assert [told.key for told in inbox.take()] == ["3"]


def test_an_interruption_only_queues_for_it_comes_in_the_middle_of_a_step() -> None:
    inbox, stopped = CommandInbox(), []
    inbox.connect(stopped.append)
    inbox.interrupt()
    inbox.interrupt()
    assert stopped == []
    assert [type(told.command) for told in inbox.take()] == [Stop, EmergencyStop]
    assert inbox.interruptions == 2
