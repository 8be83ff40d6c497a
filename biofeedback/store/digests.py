"""Fingerprints of rows: one text for one content, and its SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

DIGEST = "digest"
"""The column that holds a row's own fingerprint."""


def canonical(value: Any) -> str:
    """Return JSON in one way only: keys sorted, no spaces, ASCII.

    What JSON does not have (a value that damage has turned into bytes) is written as Python shows it, so that
    even damage has a fingerprint.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)


def sha256_of(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


def row_digest(row: Mapping[str, Any]) -> str:
    """Return the fingerprint of a row by its columns; empty ones are left out.

    A column that a later version adds thus leaves the fingerprints of earlier rows as they are.
    """
    return sha256_of({name: value for name, value in row.items() if value is not None and name != DIGEST})


def joint_digest(rows: Iterable[tuple[str, str]]) -> str:
    """Return the fingerprint of rows that belong together, each given as its table and its own digest."""
    return sha256_of(sorted(rows))
