"""A client's code is replaced as a whole word, in every script."""

from types import SimpleNamespace

import pytest

from biofeedback.service.session_host import SessionHost
from biofeedback.store.pseudonym import replace_token


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        (
            "no client 1, 10 dB, -1 dB, 2.1 s, 1.5, x1, 21",
            "1",
            "no client …, 10 dB, -1 dB, 2.1 s, 1.5, x1, 21",
        ),
        ("client 1.", "1", "client …."),
        ("client A has A tempo, dBA", "A", "client … has … tempo, dBA"),
        ("P-1 and P-17, P-1: p-1_x", "P-1", "… and P-17, …: p-1_x"),
        ("session_P-1.csv", "P-1", "session_….csv"),
        ("Mu: Müller, Mu\u0308ller, Mué", "Mu", "…: Müller, Mu\u0308ller, Mué"),
        ("K कि K", "K", "… कि …"),
        ("Kि", "K", "Kि"),
        (r"\1 of 1", "1", r"\… of …"),
    ],
)
def test_only_whole_words_are_replaced(text, code, expected):
    assert replace_token(text, code, "…") == expected


def test_what_replaces_is_taken_as_it_is():
    assert replace_token("a K b", "K", r"\1\g<0>") == r"a \1\g<0> b"


def test_an_answer_loses_the_code_and_keeps_its_numbers():
    host = SessionHost.__new__(SessionHost)
    host._request = SimpleNamespace(client=SimpleNamespace(code="1"))
    text = "Client 1 goes not above 10 dB, 0:11 from now."
    assert host._unnamed(text) == "Client … goes not above 10 dB, 0:11 from now."
