"""Check that the code of a client is a pseudonym, and find and replace codes as whole words."""

from __future__ import annotations

import re
import sys
import unicodedata
from contextlib import suppress
from datetime import date
from functools import lru_cache
from itertools import groupby

from biofeedback.errors import UsageError

_CODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,30}[A-Za-z0-9])?")
_DATES = (
    (re.compile(r"(?<!\d)(\d{4})[-._]?(\d{1,2})[-._]?(\d{1,2})(?!\d)"), (0, 1, 2)),
    (re.compile(r"(?<!\d)(\d{1,2})[-._](\d{1,2})[-._](\d{4}|\d{2})(?!\d)"), (2, 1, 0)),
    (re.compile(r"(?<!\d)(\d{1,2})[-._](\d{1,2})[-._](\d{4}|\d{2})(?!\d)"), (2, 0, 1)),
    (re.compile(r"(?<!\d)(\d{2})(\d{2})(\d{4})(?!\d)"), (2, 1, 0)),
)
"""How dates are written, and which of the parts are year, month and day."""


def check_pseudonym(code: str) -> str:
    """Return the code of a client if it can be a pseudonym.

    Raises
    ------
    UsageError
        For an e-mail address, a date such as one of birth, a name with blanks, and all that is not made of
        letters, digits and hyphens; one sentence.
    """
    if "@" in code:
        raise UsageError(
            "a client code must not be an e-mail address, which identifies a person; use one such as P-017"
        )
    if len(code.split()) > 1:
        raise UsageError(
            "a client code has no blanks, so that it is not a person's name; use one such as P-017"
        )
    if not _CODE.fullmatch(code):
        raise UsageError(
            "a client code is made of letters, digits and, between them, hyphens, up to 32, such as P-017"
        )
    if any(_is_date(match.groups(), order) for form, order in _DATES for match in form.finditer(code)):
        raise UsageError(
            "a client code must not hold a date, which may be one of birth; use one such as P-017"
        )
    return code


def _is_date(parts: tuple[str, ...], order: tuple[int, int, int]) -> bool:
    year, month, day = (int(parts[place]) for place in order)
    with suppress(ValueError):
        return 1900 <= date(year + 1900 if year < 100 else year, month, day).year < 2100
    return False


@lru_cache(maxsize=1)
def word_characters() -> str:
    """Return a regular expression of one character of a word: a letter, a digit, or a mark upon one.

    The class of words that `re` knows has the underscore, which separates words in names of files, and lacks
    the marks that are characters of their own (accents, the vowels of Indian scripts).
    """
    marks = (code for code in range(0x300, sys.maxunicode + 1) if unicodedata.category(chr(code))[0] == "M")
    ranges = []
    for _, group in groupby(enumerate(marks), key=lambda pair: pair[1] - pair[0]):
        codes = [code for _, code in group]
        ranges.append(f"{chr(codes[0])}-{chr(codes[-1])}")
    return rf"(?:[^\W_]|[{''.join(ranges)}])"


def token_pattern(text: str) -> str:
    """Return a regular expression that finds a text as a word of its own, or as several.

    Digits are not found within numbers: ``1`` is in neither ``10 dB``, ``-1 dB`` nor ``2.1``.
    """
    word, pattern = word_characters(), re.escape(text)
    if text.isdecimal():
        return rf"(?<![+\u2212-])(?<!\d[.,])(?<!{word}){pattern}(?!{word})(?![.,]\d)"
    before = f"(?<!{word})" if re.match(word, text) else ""
    after = f"(?!{word})" if re.match(word, text[-1:]) else ""
    return before + pattern + after


def replace_token(text: str, token: str, by: str) -> str:
    """Return a text with a word replaced wherever it stands by itself.

    >>> replace_token("Client 1 hears 10 dB, client 1.", "1", "…")
    'Client … hears 10 dB, client ….'
    """
    return re.sub(token_pattern(token), lambda _: by, text)
