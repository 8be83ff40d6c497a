import sys

import pytest

from biofeedback.cli.sessions import QUESTION, confirm_cautions
from biofeedback.errors import UsageError

CAUTIONS = ("musicogenic or reflex epilepsy", "hearing aid on the left")


class Terminal:
    """Somebody who answers."""

    def __init__(self, answer):
        self.answer = answer

    def isatty(self):
        return True

    def readline(self, *_):
        return self.answer + "\n"


def test_they_are_all_shown_and_asked_about(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", Terminal("y"))
    assert confirm_cautions(CAUTIONS, confirmed=False) == "confirmed"
    said = capsys.readouterr().err
    assert all(f"  - {caution}\n" in said for caution in CAUTIONS)
    assert QUESTION in said


def test_no_means_no_session(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Terminal("n"))
    with pytest.raises(UsageError, match="the session does not begin"):
        confirm_cautions(CAUTIONS, confirmed=False)


def test_without_a_terminal_nobody_is_asked_and_nothing_claimed(capsys):
    assert confirm_cautions(CAUTIONS, confirmed=False) == "not confirmed"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("cautions", "confirmed"), [(CAUTIONS, True), ((), False)])
def test_nothing_is_asked_where_there_is_nothing_to_ask(cautions, confirmed, capsys):
    assert confirm_cautions(cautions, confirmed=confirmed) == "confirmed"
    assert capsys.readouterr().err == ""
