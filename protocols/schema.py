"""The protocol: a frozen and fully checked description of a session."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
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
