"""The protocol: a frozen and fully checked description of a session, and its fingerprint.

The fingerprint is the SHA-256 of its canonical JSON, whatever the file's layout.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Self

from pydantic import BaseModel, model_validator
from pydantic_core import PydanticCustomError

from protocols.feasibility import faults
from protocols.outline import Outline


class Protocol(Outline):
    """A session as a therapist writes it.

    Protocols are usually read from YAML by `protocols.load`, whose messages name file and line.

    Raises
    ------
    pydantic.ValidationError
        For anything that could not be carried out as written.

    Examples
    --------
    >>> protocol = Protocol.model_validate(
    ...     {
    ...         "id": "quiet-hour",
    ...         "version": 1,
    ...         "title": "Quiet hour",
    ...         "rationale": "Soft music for a waiting room.",
    ...         "sources": ("our own convention",),
    ...         "cautions": (),
    ...         "arm": "open-loop",
    ...         "phases": (
    ...             {"kind": "match", "name": "begin", "duration_s": 60.0, "tempo_bpm": 64.0},
    ...             {"kind": "sustain", "name": "stay", "duration_s": 300.0, "density": 0.3},
    ...         ),
    ...     }
    ... )
    >>> protocol.duration_s
    360.0
    >>> protocol.phases[1].density
    0.3
    """

    @model_validator(mode="after")
    def _feasible(self) -> Self:
        if found := faults(self):
            raise PydanticCustomError(
                "infeasible",
                "{summary}",
                {"summary": "; ".join(fault.message for fault in found), "faults": found},
            )
        return self


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
