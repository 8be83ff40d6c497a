"""Every text that a page asks for is in the catalogue, and every one in the catalogue is asked for."""

import re
from pathlib import Path

import pytest

from dashboard.texts import TEXTS, text

DASHBOARD = Path(__file__).resolve().parents[2] / "dashboard"
SOURCES = [
    *(path for path in DASHBOARD.rglob("*.py") if not path.name.startswith("texts")),
    *(path for path in (DASHBOARD / "ui").iterdir() if path.suffix in {".js", ".html"}),
]
PLAIN = re.compile(r"""(?:text|textOf|known|tell)\(\s*["']([a-z][\w.-]+)["']""")
MARKED = re.compile(r"""data-t(?:-label|-title)?="([a-z][\w.-]+)\"""")
QUOTED = re.compile(r"""["'`]([a-z][\w-]*(?:\.[\w-]+)+)["'`]""")
MADE = re.compile(r"""[`"']([a-z][\w-]*(?:\.[\w-]*)*[.-](?:\$\{|\{)[^`"']*)[`"']""")


def asked_for() -> tuple[set[str], list[re.Pattern[str]]]:
    plain, made = set(), []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        plain |= {key for pattern in (PLAIN, MARKED, QUOTED) for key in pattern.findall(text)}
        for template in MADE.findall(text):
            parts = re.split(r"\$?\{[^{}]*\}", template)
            made.append(re.compile(r"[\w./-]+".join(re.escape(part) for part in parts)))
    return plain, made


def test_what_pages_ask_for_is_there() -> None:
    missing = set()
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        missing |= {
            (path.name, key)
            for pattern in (PLAIN, MARKED)
            for key in pattern.findall(text)
            if key not in TEXTS and (pattern is MARKED or "tell(" not in text or key in say_keys(text))
        }
    assert missing == set()


def say_keys(text: str) -> set[str]:
    return set(re.findall(r"""(?:text|textOf|known)\(\s*["']([a-z][\w.-]+)["']""", text))


def test_nothing_in_the_catalogue_is_unused() -> None:
    plain, made = asked_for()
    assert [key for key in TEXTS if key not in plain and not any(p.fullmatch(key) for p in made)] == []


def test_words_are_filled_in() -> None:
    assert text("reading.ecg", value=72) == "72 bpm"
    with pytest.raises(KeyError, match="value"):
        text("reading.ecg")


@pytest.mark.parametrize("word", ["emotion", r"\bstress", "diagnos", "treatment"])
def test_nothing_is_claimed(word: str) -> None:
    purpose = "For research and therapist-supervised use; not for diagnosis, monitoring or treatment."
    assert not [key for key, text in TEXTS.items() if re.search(word, text.replace(purpose, "").lower())]
