"""Every fault in a protocol's file is one line that names file, line, field and remedy."""

import importlib.resources
import itertools
import re
from pathlib import Path

import pytest
import yaml

from protocols.errors import InvalidProtocolError, UnknownProtocolError
from protocols.loading import faults_of, library, load, override, parse

LIBRARY = importlib.resources.files("protocols.library")
ISO = (LIBRARY / "isoprinciple-relaxation.yaml").read_text("utf-8")
FAULTS = yaml.safe_load((Path(__file__).parent / "faults.yaml").read_text("utf-8"))


def first_changed(before, after):
    """Number of the first line that differs, from 1."""
    pairs = itertools.zip_longest(before.splitlines(), after.splitlines())
    return next(number for number, (old, new) in enumerate(pairs, 1) if old != new)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["what"].replace(" ", "-"))
def test_each_fault_is_one_line_as_written_down(fault, tmp_path):
    text = (LIBRARY / f"{fault['protocol']}.yaml").read_text("utf-8")
    assert fault["old"] in text
    mutated = text.replace(fault["old"], fault["new"], 1)
    changed = first_changed(text, mutated)
    file = tmp_path / "mine.yaml"
    file.write_text(mutated, encoding="utf-8")
    with pytest.raises(InvalidProtocolError) as caught:
        load(file)
    assert str(caught.value).splitlines() == [
        re.sub(r"^([+-]\d+) ", lambda offset: f"{file}:{changed + int(offset[1])}: ", said)
        for said in fault["says"]
    ]


def test_the_faults_are_many_and_of_every_protocol():
    assert len(FAULTS) >= 100
    assert len({fault["what"] for fault in FAULTS}) == len(FAULTS)
    assert {fault["protocol"] for fault in FAULTS} <= set(library())
    assert sum(len(fault["says"]) == 1 for fault in FAULTS) >= len(FAULTS) - 2


def test_an_editor_gets_lines_fields_and_messages():
    assert faults_of(ISO) == []
    found = faults_of(ISO.replace("layers: 4", "layers: 40").replace("title:", "titel:"))
    assert found == sorted(found)
    assert [(field, ISO.splitlines()[line - 1].split(":")[0].strip()) for line, field, _ in found] == [
        ("titel", "title"),
        ("match.layers", "layers"),
    ]
    assert [tuple(fault) for fault in faults_of("")] == [
        (1, "file", "holds no protocol; it must begin with keys such as id, title and phases")
    ]


NO_PROTOCOL = "1: file: holds no protocol; it must begin with keys such as id, title and phases"
NOT_ALL = [
    (b"id: caf\xe9\n", "1: file: not UTF-8; save it as UTF-8 text"),
    (b"id: a\ntitle: \xff\n", "2: file: not UTF-8; save it as UTF-8 text"),
    (b"id: a\x00b\n", "1: yaml: a control character has no place in a text; delete it"),
    (b"id: a\nb: \x01\n", "2: yaml: a control character has no place in a text; delete it"),
    (b"", NO_PROTOCOL),
    (b"# only a remark\n", NO_PROTOCOL),
    (b"- a\n- b\n", NO_PROTOCOL),
    (b"just words", NO_PROTOCOL),
    (b"a: " + b"[" * 600, "1: yaml: brackets are nested too deeply; a protocol needs a few levels only"),
    (
        b"a: &x [1]\nb: *x\n",
        "2: yaml: a word with * in front is an alias; write its value out, or put the text in quotes",
    ),
    (
        b"? [a, b]\n: 1\n",
        "1: yaml: a key must be a word, and YAML takes this one to be ('a', 'b'); use another",
    ),
    (b"a: !!set {x}\n", "1: a: tag 'tag:yaml.org,2002:set' is not used in protocols; leave it out"),
    (b"a: 'x\n", "1: yaml: a quotation mark is not closed; end the text with the same mark"),
    (b"a: &\n", "1: yaml: * or & has a meaning of its own here; put the text in quotes"),
    (
        b'a: "\\q"\n',
        "1: yaml: a backslash has a meaning of its own in double quotes; use single ones",
    ),
    (b"a: - b\n", "1: yaml: an item of a list (-) begins on a line of its own"),
    (b"%YAML 3.0\n---\na: 1\n", "1: yaml: leave out the line that begins with %"),
]


@pytest.mark.parametrize(("content", "says"), NOT_ALL, ids=range(len(NOT_ALL)))
def test_what_is_no_protocol_at_all_is_one_line_too(content, says):
    with pytest.raises(InvalidProtocolError) as caught:
        parse(content, "x.yaml")
    message = str(caught.value)
    assert message == f"x.yaml:{says}"


def test_an_empty_list_of_phases_or_sections_is_refused():
    head = ISO[: ISO.index("phases:")]
    with pytest.raises(InvalidProtocolError, match="phases: the list is empty"):
        parse(f"{head}phases: []\n".encode(), "x.yaml")
    with pytest.raises(InvalidProtocolError, match=r"a\.sections: the list is empty"):
        parse(f"{head}phases:\n  - kind: arc\n    name: a\n    sections: []\n".encode(), "x.yaml")


def test_a_byte_order_mark_does_no_harm():
    assert parse(b"\xef\xbb\xbf" + ISO.encode(), "x.yaml") == load("isoprinciple-relaxation")


@pytest.mark.parametrize("name", ["isoprinciple", "no/such/file.yaml", ""])
def test_an_unknown_name_lists_the_built_in_ones(name, tmp_path):
    if name == "":
        with pytest.raises(InvalidProtocolError, match="cannot be read"):
            load(tmp_path)
        return
    with pytest.raises(UnknownProtocolError) as caught:
        load(name)
    assert name in str(caught.value)
    assert all(known in str(caught.value) for known in library())


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("lead.duration_s=40", r"lead\.duration_s=40: lead\.duration_s: impossible lead: .* 282 s would do"),
        ("lead.duration=400", r"lead\.duration: unknown key; did you mean 'duration_s'\?"),
        ("led.duration_s=400", r"there is no phase 'led'; there are baseline, match, lead, sustain"),
        ("lead.duration_s", "not an assignment; write phase.key=value"),
        ("=3", "not an assignment"),
        ("lead.duration_s=", "lead.duration_s: has no value; it must be a number of seconds"),
        ("lead.duration_s=abc", "is 'abc'; it must be a number of seconds"),
        ("lead.mode=[", "yaml: a bracket or a comma has nothing after it"),
        (
            "limits.tempo_bpm_per_min=9",
            r"limits\.tempo_bpm_per_min: is 9; it must be a number from 0\.5 to 8",
        ),
        ("phases=3", "phases: is 3; it must be a list of phases"),
    ],
)
def test_a_wrong_override_is_one_line(assignment, says):
    with pytest.raises(InvalidProtocolError, match=says) as caught:
        override(load("isoprinciple-relaxation"), assignment)
    assert "\n" not in str(caught.value)


def test_an_override_changes_that_value_only():
    before = load("isoprinciple-relaxation")
    after = override(before, "lead.duration_s=400")
    assert [phase.duration_s for phase in after.phases] == [120, 90, 400, 60]
    assert override(after, "lead.duration_s=330") == before
    assert override(before, "lead.mode=aeolian").phases[2].mode == 0.2
    assert override(before, "lead.register=0.1").phases[2].register_ == 0.1
    assert override(before, "piece.tonic=5").piece.tonic == 5
    assert override(before, "default_tempo_bpm=64").default_tempo_bpm == 64
    assert override(load("u-arc"), "trough.tempo_bpm=52").phases[0].sections[3].tempo_bpm == 52
