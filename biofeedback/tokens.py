"""Whole words in text: a client's code is found as a word of its own, never as part of another."""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import lru_cache
from itertools import groupby


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
