"""The reference of the protocol language, written from the schema itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from protocols.outline import MEASURES, Goal
from protocols.phases import (
    PHASES,
    ArcPhase,
    ChangeRates,
    GateSettings,
    Phase,
    PhaseMarkers,
    ScheduledRating,
    Section,
    Texture,
    Until,
    energetic,
)
from protocols.scales import SCALES
from protocols.schema import LANGUAGE, Limits, PieceDefaults, Protocol

HEAD = f"""# The protocol language, version {LANGUAGE}: reference

Every key there is. How to write a protocol is told in [protocols.md](protocols.md); what the program does
with it, number by number, in [control.md](control.md). This page is written by `biofeedback protocols
reference` from the program itself; do not edit it by hand.
"""


def reference() -> str:
    """Return the reference of the language as Markdown."""
    text = "\n".join([HEAD, *_file(), *_phases(), *_kinds(), *_asking()]) + "\n"
    return re.sub("\n{3,}", "\n\n", text)


def _file() -> Iterator[str]:
    yield "## The file\n"
    yield from _table(Protocol)
    yield "\n### `piece`\n"
    yield from _table(PieceDefaults)
    yield "\n### `limits`\n"
    yield from _table(Limits)


def _phases() -> Iterator[str]:
    yield "\n## What every phase has\n"
    yield "So has every section of an arc. An arc itself has a `name` and its `sections` only.\n"
    yield from _table(Phase)
    yield "| `kind` | which kind of phase; not in sections | one of " + ", ".join(PHASES) + " | needed |"
    yield "\n### `until`\n"
    yield from _table(Until)
    yield "\n### An item of `ratings`\n"
    yield from _table(ScheduledRating)
    yield "\n### `markers`\n"
    yield from _table(PhaseMarkers)
    yield "\n## Texture\n"
    yield "match, lead, sustain, breathe, sections, engage and return say what the music is to be like when"
    yield "they have run their course. What a phase leaves out stays as it is.\n"
    yield from _table(Texture)
    yield "\nThe same kinds may have a pace of their own:\n"
    yield from _table(ChangeRates)


def _kinds() -> Iterator[str]:
    yield "\n## The kinds of phases\n"
    for kind, model in PHASES.items():
        yield f"\n### `{kind}`\n"
        yield _described(model) + "\n"
        if own := _own(model):
            yield from _table(model, own)
        if kind == "lead":
            yield "\n#### `gate`\n"
            yield _described(GateSettings) + "\n"
            yield from _table(GateSettings)
        if kind == "arc":
            yield "\n#### A section\n"
            yield _described(Section) + "\n"
            yield from _table(Section, _own(Section))
        if kind == "engage":
            yield from _energies()


def _energies() -> Iterator[str]:
    yield "\nWhat energy asks for:\n"
    yield "| energy | tempo, bpm | layers | density and brightness | articulation | level, dB |"
    yield "|---|---|---|---|---|---|"
    for energy in (0.0, 0.25, 0.5, 0.75, 1.0):
        music = energetic(energy)
        yield (
            f"| {energy:g} | {music.tempo_bpm:g} | {music.layers} | {music.density:g} "
            f"| {music.articulation:g} | {music.level_db + 0:g} |"
        )


def _asking() -> Iterator[str]:
    yield "\n## An item of `goals`\n"
    yield _described(Goal) + "\n"
    yield from _table(Goal)
    yield "\n| measure | what it is |"
    yield "|---|---|"
    for measure, meaning in MEASURES.items():
        yield f"| `{measure}` | {meaning} |"
    yield "\n## Scales\n"
    yield "| scale | question | lowest | highest |"
    yield "|---|---|---|---|"
    for scale in SCALES.values():
        yield (
            f"| `{scale.id}` | {scale.question} | {scale.low} {scale.low_means} "
            f"| {scale.high} {scale.high_means} |"
        )


def _table(model: type[BaseModel], names: Iterable[str] | None = None) -> Iterator[str]:
    yield "| key | what it means | value | where left out |"
    yield "|---|---|---|---|"
    for name in names or model.model_fields:
        field = model.model_fields[name]
        yield f"| `{field.alias or name}` | {field.title} | {field.description} | {_default(field)} |"


def _own(model: type[BaseModel]) -> list[str]:
    """Return the fields a kind of phase has of its own."""
    shared = {"kind", *(Phase.model_fields if model is not ArcPhase else ())}
    return [name for name in model.__annotations__ if name in model.model_fields and name not in shared]


def _described(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value: Any = field.default
    match value:
        case None | () | BaseModel():
            return ""
        case bool():
            return str(value).lower()
        case str():
            return f"`{value}`"
    return f"{value:g}"
