"""One fingerprint for each protocol, whatever its file looked like."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel

from protocols.schema import Protocol


def canonical_json(protocol: Protocol) -> str:
    """Return the protocol as JSON in one way only: keys sorted, no spaces, plain Unicode.

    Two files that say the same, in whatever order or layout, give the same text. Every field is in it, those
    left out with their defaults; only what later versions of the language have added is left out as long as
    it says no more than its default, so that a protocol's fingerprint outlives the language's growth.
    """
    data = _plain(protocol)
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def protocol_sha256(protocol: Protocol) -> str:
    """Return the SHA-256 of the canonical JSON in UTF-8, as 64 hexadecimal digits.

    Whoever stores protocols under an id and a version compares it: a version once used must keep its own.
    """
    return hashlib.sha256(canonical_json(protocol).encode("utf-8")).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if not isinstance(value, BaseModel):
        return value
    return {
        field.alias or name: _plain(content)
        for name, field in type(value).model_fields.items()
        if (content := getattr(value, name)) != field.default or _since(field.json_schema_extra) == 1
    }


def _since(extra: Any) -> int:
    return extra.get("since", 1) if isinstance(extra, dict) else 1
