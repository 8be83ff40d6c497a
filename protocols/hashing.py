"""The fingerprint of a protocol: SHA-256 of its canonical JSON, whatever the file's layout."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel

from protocols.schema import Protocol


def canonical_json(protocol: Protocol) -> str:
    """Return the protocol as canonical JSON: keys sorted, no spaces, plain Unicode.

    Two files with the same content give the same text, whatever their order and layout. Every field is
    written, those left out with their defaults. A field that a later version of the language added is left
    out while it has its default, so that the fingerprint of a protocol stays the same when the language
    grows.
    """
    data = _plain(protocol)
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def protocol_sha256(protocol: Protocol) -> str:
    """Return the SHA-256 of the canonical JSON in UTF-8, as 64 hexadecimal digits.

    A store compares it: a version of a protocol that was used must keep its fingerprint.
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
