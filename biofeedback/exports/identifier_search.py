"""Texts that must not be there, found however they are written."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote
from xml.sax.saxutils import escape

from biofeedback.exports.wording import BOILERPLATE
from biofeedback.store.pseudonym import token_pattern

CLIENT = "client"
"""What a client's code is, among the secrets."""

MAC = re.compile(r"(?<![0-9A-Fa-f:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])")
UUID = re.compile(r"(?<![0-9A-Fa-f-])[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![0-9A-Fa-f-])")
ISO_DATE = re.compile(r"(?<![\w.-])(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?!\d)")
USERS_PATH = re.compile(r"(?:/home/|/Users/|[A-Za-z]:\\{1,2}Users\\)[^\s\"'<>,;]+")
PATTERNS = {"a date": ISO_DATE, "a device's address": MAC, "a unique id": UUID, "a user's path": USERS_PATH}

_REST_OF_UNIX_TIME = r"(?:\d{3}|\d{6}|\d{9})?(?!\d)"
_MONTHS = tuple(f"-{month:02d}-" for month in range(1, 13))
_NUMBERS_ONLY = str.maketrans("", "", "0123456789.,-+eE\n\r\tna/")

BEFORE_S, AFTER_S = 86_400, 10 * 86_400
"""How long before and after a session's start a Unix time tells of it."""

_CELL_ENDS = r",;\t\r\n"
LONG = 8
"""Letters from which a secret is found within a longer word too, unless it is a client's code, with which
another's may begin."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """A text that must not leave, or one found: what it is (``device or input`` …), and how it is written."""

    what: str
    text: str


class IdentifierSearch:
    """Finds secrets in texts, in whatever case, composed or escaped (JSON, XML, URL).

    Short ones and codes of clients are found as whole words only, those of digits only where they are not
    the whole cell of a table. What stands in every export anyway, such as the name of a column, is no
    secret.

    Parameters
    ----------
    secrets : iterable of Identifier
        What to look for.
    """

    def __init__(self, secrets: Iterable[Identifier]) -> None:
        self._what: dict[str, str] = {}
        self._moments: list[int] = []
        for secret in secrets:
            text = unicodedata.normalize("NFC", secret.text.strip())
            if not text or re.search(_bounded(text, always=True), BOILERPLATE, re.IGNORECASE):
                continue
            if secret.what == "wall clock" and text.isdecimal():
                self._moments.append(int(text))
                continue
            for form in _forms(text):
                self._what.setdefault(form.casefold(), secret.what)
        longest_first = sorted(self._what, key=len, reverse=True)
        pattern = "|".join(_bounded(form, always=self._what[form] == CLIENT) for form in longest_first)
        self._pattern = re.compile(pattern, re.IGNORECASE) if pattern else None

    def in_text(self, text: str) -> list[Identifier]:
        """Return every secret that stands in a text, and every pattern that gives one away."""
        composed = text if text.isascii() else unicodedata.normalize("NFC", text)
        found = [*self._unix_times(composed)]
        if composed.translate(_NUMBERS_ONLY) or any(month in composed for month in _MONTHS):
            for what, pattern in PATTERNS.items():
                found += (Identifier(what, match[0]) for match in pattern.finditer(composed))
            for match in self._pattern.finditer(composed) if self._pattern else ():
                found.append(Identifier(self._what.get(match[0].casefold(), "a secret"), match[0]))
        return list(dict.fromkeys(found))

    def of_moment(self, value: float) -> bool:
        """Return whether a number is the Unix time of a session, in seconds."""
        return any(moment - BEFORE_S <= value <= moment + AFTER_S for moment in self._moments)

    def _unix_times(self, text: str) -> Iterator[Identifier]:
        for moment in self._moments:
            # Digits first, so that the search is for something rare.
            ends = [str(moment - BEFORE_S), str(moment + AFTER_S)]
            common = os.path.commonprefix(ends)  # noqa: RUF071 - these are no paths
            pattern = rf"{common}\d{{{len(str(moment)) - len(common)}}}{_REST_OF_UNIX_TIME}"
            for match in re.finditer(pattern, text):
                alone = not match.start() or text[match.start() - 1] not in "0123456789."
                if alone and self.of_moment(int(match[0][: len(str(moment))])):
                    yield Identifier("the wall clock", match[0])


def _forms(text: str) -> set[str]:
    as_json = {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    return {text, *as_json, escape(text), quote(text), quote(text, "")}


def _bounded(text: str, *, always: bool = False) -> str:
    """Return the pattern of a text, as a word of its own if it is short."""
    pattern = re.escape(text)
    if text.isdecimal():  # the same digits may be a measured value, alone in its cell
        ends = rf"\w|\.\d|[{_CELL_ENDS}]"
        return rf"(?<![\w.{_CELL_ENDS}+-]){text}(?!\w|\.\d)|(?<![\w.+-]){text}(?!{ends})"
    return pattern if len(text) >= LONG and not always else token_pattern(text)
