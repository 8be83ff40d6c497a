"""What a protocol is: a frozen, fully checked description of a session."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from protocols.feasibility import faults
from protocols.limits import Limits
from protocols.outline import ARMS, LANGUAGE, Goal, Outline, PieceDefaults
from protocols.phases import (
    TEXTURE_FIELDS,
    AnyPhase,
    ArcPhase,
    BaselinePhase,
    BreathePhase,
    EngagePhase,
    GateSettings,
    LeadPhase,
    MatchPhase,
    Phase,
    RecoveryPhase,
    ReturnPhase,
    Section,
    SettlePhase,
    SilencePhase,
    Stretch,
    SustainPhase,
    Texture,
    stretches,
)

__all__ = [
    "ARMS",
    "LANGUAGE",
    "TEXTURE_FIELDS",
    "AnyPhase",
    "ArcPhase",
    "BaselinePhase",
    "BreathePhase",
    "EngagePhase",
    "GateSettings",
    "Goal",
    "LeadPhase",
    "Limits",
    "MatchPhase",
    "Phase",
    "PieceDefaults",
    "Protocol",
    "RecoveryPhase",
    "ReturnPhase",
    "Section",
    "SettlePhase",
    "SilencePhase",
    "Stretch",
    "SustainPhase",
    "Texture",
    "stretches",
]


class Protocol(Outline):
    """A session as a therapist writes it.

    Raises
    ------
    pydantic.ValidationError
        For anything that could not be carried out as written.
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
