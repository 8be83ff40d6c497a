"""One fingerprint for each protocol, whatever its file looked like."""

from __future__ import annotations

import hashlib
import json

from protocols.schema import Protocol


def canonical_json(protocol: Protocol) -> str:
    """Return the protocol as JSON in one way only: every field, keys sorted, no spaces, plain Unicode.

    Two files that say the same, in whatever order or layout, give the same text.
    """
    data = protocol.model_dump(mode="json", by_alias=True)
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def protocol_sha256(protocol: Protocol) -> str:
    """Return the SHA-256 of the canonical JSON in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(protocol).encode("utf-8")).hexdigest()
