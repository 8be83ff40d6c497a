"""Links: nothing is lost or reordered, nobody waits, and an end is an end."""

import os
import threading

import pytest

from generator.live.process_pipe import ProcessPipe, SilenceTimer

pytestmark = pytest.mark.realtime


@pytest.fixture
def ends():
    ours, theirs = os.pipe(), os.pipe()
    left = ProcessPipe(os.fdopen(ours[0], "rb"), os.fdopen(theirs[1], "wb"))
    right = ProcessPipe(os.fdopen(theirs[0], "rb"), os.fdopen(ours[1], "wb"))
    left.open()
    right.open()
    yield left, right
    left.close(5.0)
    right.close(5.0)
    left.join(5.0)
    right.join(5.0)


def test_messages_arrive_in_order_and_before_the_end(ends: tuple[ProcessPipe, ProcessPipe]) -> None:
    left, right = ends
    for number in range(1000):
        left.send(number)
    left.close(5.0)
    received: list[int] = []
    while not right.closed:
        received += right.receive(timeout_s=5.0)
    assert received == list(range(1000))
    assert right.receive() == []


def test_nobody_waits_for_a_reader(ends: tuple[ProcessPipe, ProcessPipe]) -> None:
    left, right = ends
    megabyte = bytes(1 << 20)
    for _ in range(20):  # far more than a pipe holds, and nobody reads on purpose
        left.send(megabyte)
    received: list[bytes] = []
    while len(received) < 20:
        received += right.receive(timeout_s=5.0)
    assert all(message == megabyte for message in received)


def test_a_word_cut_off_is_an_end() -> None:
    reader, writer = os.pipe()
    link = ProcessPipe(os.fdopen(reader, "rb"), open(os.devnull, "wb"))  # noqa: SIM115, PTH123 - the link closes it
    link.open()
    os.write(writer, b"\x80\x05\x95\xff\x00")  # the beginning of a pickle
    os.close(writer)
    assert link.receive(timeout_s=5.0) == []
    assert link.closed
    link.close(5.0)
    link.join(5.0)


def test_any_thread_may_send(ends: tuple[ProcessPipe, ProcessPipe]) -> None:
    left, right = ends
    threads = [threading.Thread(target=lambda n=n: [left.send(n) for _ in range(100)]) for n in range(4)]
    for thread in threads:
        thread.start()
    received: list[int] = []
    while len(received) < 400:
        received += right.receive(timeout_s=5.0)
    assert sorted(received) == [n for n in range(4) for _ in range(100)]
    for thread in threads:
        thread.join()


def test_silence_is_counted_from_the_last_word() -> None:
    silence = SilenceTimer(100.0)
    seconds = [silence.update(100.0 + 0.05 * n, message=n == 20) for n in range(1, 61)]
    assert seconds[18] == pytest.approx(0.95)
    assert seconds[19] == 0.0
    assert seconds[-1] == pytest.approx(2.0)


def test_who_was_held_up_himself_does_not_blame_the_other() -> None:
    silence = SilenceTimer(100.0)
    silence.update(100.05, message=True)
    assert silence.update(160.0, message=False) < 0.5
