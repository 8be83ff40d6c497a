"""The reference of the language is written from the schema, and the page that is read is the newest."""

from pathlib import Path

import pytest

from protocols.loading import library, load
from protocols.phases import PHASES, Section
from protocols.reference import reference
from protocols.schema import Protocol

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_the_program_says():
    """Else: biofeedback protocols reference > docs/protocol-reference.md."""
    assert (DOCS / "protocol-reference.md").read_text("utf-8") == reference()


@pytest.mark.parametrize("model", [Protocol, Section, *PHASES.values()], ids=lambda model: model.__name__)
def test_every_key_is_in_it_with_its_meaning(model):
    for name, field in model.model_fields.items():
        if name != "kind":
            assert f"| `{field.alias or name}` | {field.title} | {field.description} |" in reference()


def test_the_library_shows_every_kind_there_is():
    assert {phase.kind for name in library() for phase in load(name).phases} == set(PHASES)
