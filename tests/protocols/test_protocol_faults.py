"""Every fault in a protocol's file is one line that names file, line, field and remedy."""

import importlib.resources
import re

import pytest

from protocols import library, load, override
from protocols.errors import InvalidProtocolError, UnknownProtocolError
from protocols.loading import parse

ISO = (importlib.resources.files("protocols.library") / "isoprinciple-relaxation.yaml").read_text("utf-8")
ARC = (importlib.resources.files("protocols.library") / "u-arc.yaml").read_text("utf-8")

MUTATIONS = [
    # file, what to replace, by what, what the line must say
    (ISO, "    goal_bpm", "    goal_bmp: 56\n    goal_bpm", r"lead\.goal_bmp: unknown key; .* 'goal_bpm'\?"),
    (ISO, "title:", "titel: x\ntitle:", r"titel: unknown key; did you mean 'title'\?"),
    (ISO, "  mode_seconds:", "  modeseconds: 30\n  mode_seconds:", r"limits\.modeseconds: .*'mode_seconds'"),
    (ISO, "  palette:", "  pallete: x\n  palette:", r"piece\.pallete: unknown key; did you mean 'palette'"),
    (ISO, "version: 1", "version: one", r"version: is 'one'; it must be a whole number from 1"),
    (ISO, "version: 1", "version: true", r"version: is True; it must be a whole number"),
    (ISO, "duration_s: 330", "duration_s: long", r"lead\.duration_s: is 'long'; .* number of seconds"),
    (ISO, "duration_s: 330", "duration_s: '330'", r"lead\.duration_s: is '330'; .* number of seconds"),
    (ISO, "duration_s: 330", "duration_s: -1", r"lead\.duration_s: is -1; .* from 5 to 7200"),
    (ISO, "duration_s: 330", "duration_s: .inf", r"lead\.duration_s: is inf"),
    (ISO, "duration_s: 330", "duration_s: 60", r"lead\.duration_s: impossible lead: .* 282 s would do"),
    (ISO, "goal_bpm: 56", "goal_bpm: 30", r"lead\.goal_bpm: is 30; it must be a number from 42 to 120 bpm"),
    (ISO, "    goal_bpm: 56\n", "", r"lead\.goal_bpm: is missing; a number from 42 to 120 bpm is needed"),
    (ISO, "rationale:", "rationale: short\nrationale:", r"rationale: given twice, first in line \d+"),
    (ISO, "name: sustain", "name: lead", r"lead\.name: 'lead' names an earlier phase"),
    (ISO, "name: sustain", "name: end", r"end\.name: 'end' is the name of the closing fade"),
    (ISO, "name: sustain", "name: Sus tain", r"name: is 'Sus tain'; it must be small letters"),
    (ISO, "kind: sustain", "kind: sustian", r"no kind of phase called 'sustian'; did you mean 'sustain'\?"),
    (ISO, "  - kind: sustain\n    name", "  - name", r"kind is missing; one of settle, .* is needed"),
    (ISO, "mode: ionian", "mode: blues", r"lead\.mode: is 'blues'; it must be .*0\.8 ionian"),
    (ISO, "mode: ionian", "mode: 0.3", r"lead\.mode: is 0\.3; it must be .*0\.4 dorian"),
    (ISO, "mode: ionian", "mode: [ionian]", r"lead\.mode: is \('ionian',\); it must be one of 0 phrygian"),
    (ISO, "tempo_bpm: hr", "tempo_bpm: 120", r"match\.tempo_bpm: is 120; it must be hr .* from 50 to 100"),
    (ISO, "layers: 4", "layers: 2.5", r"match\.layers: is 2\.5; it must be a whole number from 1 to 8"),
    (ISO, "layers: 4", "layers: 9", r"match\.layers: is 9; it must be a whole number from 1 to 8"),
    (ISO, "layers: 4", "layers:", r"layers: has no value"),
    (ISO, "level_db: -4", "level_db: 3", r"lead\.level_db: is 3; it must be a number from -18 to 0 dB"),
    (ISO, "register: 0.4", "register: 4", r"lead\.register: is 4; it must be a number from 0 to 1"),
    (ISO, "palette: warm-pads", "palette: trumpets", r"piece\.palette: is 'trumpets'; .* one of warm-pads"),
    (ISO, "arm: closed-loop", "arm: closed", r"arm: is 'closed'; .* did you mean 'closed-loop'\?"),
    (ISO, "tempo_bpm_per_min: 3", "tempo_bpm_per_min: 5", r"limits\.tempo_bpm_per_min: .* too fast"),
    (ISO, "mode_seconds: 30", "mode_seconds: 10", r"limits\.mode_seconds: is 10; .* from 30 to 600"),
    (ISO, "end_fade_s: 20", "end_fade_s: 2", r"end_fade_s: is 2; .* from 15 to 30"),
    (ISO, "kind: baseline", "kind: settle", r"lead\.kind: a closed-loop lead needs the listener's baseline"),
    (ISO, "kind: match", "kind: sustain", r"match\.tempo_bpm: unknown key"),
    (ISO, "kind: match\n", "kind: silence\n    name: gap\n    duration_s: 30\n  - kind: silence\n", None),
    (ISO, "cautions:", "cautions: none\nnotes:", None),
    (ISO, "id: isoprinciple", "id: *iso", r"not used in protocols|not valid YAML"),
    (ISO, "id: isoprinciple", "id: !!python/name:os.system iso", r"not valid YAML: could not determine"),
    (ISO, "limits:", "\tlimits:", r"not valid YAML: found character '\\t'"),
    (ISO, "  - kind: lead", "  - kind: [lead", r"not valid YAML"),
    (ISO, "version: 1", "version: 2020-99-99", r"'2020-99-99' cannot be read"),
    (ISO, "version: 1", "on: 1\nversion: 1", r"key True is not a word"),
    (ISO, "end_fade_s: 20", "end_fade_s: 20\n---\nid: second", r"not valid YAML"),
    (ARC, "tempo_bpm: 64", "tempo_bpm: 50", r"descend-2\.tempo_bpm: impossible section: 76 to 50 bpm"),
    (ARC, "tempo_bpm: 50", "tempo_bpm: HR", r"trough\.tempo_bpm: is 'HR'; it must be hr .* 30 to 140"),
    (ARC, "hr_lowest_bpm: 80", "hr_lowest_bpm: 96", r"match\.hr_lowest_bpm: 96 lies above hr_highest_bpm 95"),
    (ARC, "name: ascend", "name: trough", r"trough\.name: 'trough' names an earlier phase"),
    (ARC, "        layers: 6", "        layer: 6", r"descend-1\.layer: unknown key; did you mean 'layers'\?"),
    (ARC, "tempo_bpm_per_min: 8", "tempo_bpm_per_min: 12", r"limits\.tempo_bpm_per_min: is 12; .* 0\.5 to 8"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new", "says"), [m for m in MUTATIONS if m[3]])
def test_one_fault_gives_one_line_that_points_at_it(text, old, new, says, tmp_path):
    assert old in text
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InvalidProtocolError) as caught:
        load(file)
    message = str(caught.value)
    assert "\n" not in message
    where = re.match(rf"{re.escape(str(file))}:(\d+): (.*)", message)
    assert where is not None, message
    assert re.search(says, where[2]), message
    line = file.read_text("utf-8").splitlines()[int(where[1]) - 1]
    field = re.match(r"(?:[\w-]+\.)?([a-z_]+): ", where[2])
    if field is not None and "is missing" not in message and "there is no kind" not in message:
        assert re.search(rf"\b{field[1]}:", line), (message, line)


@pytest.mark.parametrize(("text", "old", "new", "says"), [m for m in MUTATIONS if not m[3]])
def test_several_faults_give_a_line_each(text, old, new, says, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InvalidProtocolError) as caught:
        load(file)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(set(lines)) >= 2
    assert all(re.match(rf"{re.escape(str(file))}:\d+: [^:]+: .+", line) for line in lines), lines
    numbers = [int(line.removeprefix(f"{file}:").split(":")[0]) for line in lines]
    assert numbers == sorted(numbers)


def test_the_line_is_the_fault_s_own(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(ISO.replace("goal_bpm: 56", "goal_bpm: 30"), encoding="utf-8")
    line = next(n for n, text in enumerate(ISO.splitlines(), 1) if "goal_bpm" in text)
    with pytest.raises(InvalidProtocolError, match=rf"mine\.yaml:{line}: lead\.goal_bpm"):
        load(file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"id: caf\xe9\n", r"x\.yaml:1: file: not UTF-8"),
        (b"id: a\ntitle: \xff\n", r"x\.yaml:2: file: not UTF-8"),
        (b"", r"x\.yaml:1: file: holds no protocol"),
        (b"- a\n- b\n", r"x\.yaml:1: file: holds no protocol"),
        (b"just words", r"x\.yaml:1: file: holds no protocol"),
        (b"id: a\nb: \x01\n", r"x\.yaml:2: not valid YAML: a control character"),
        (b"a: " + b"[" * 5000, r"x\.yaml:1: "),
        (b"a: &x [1]\nb: *x\n", r"x\.yaml:2: aliases are not used"),
        (b"? [a, b]\n: 1\n", r"x\.yaml:1: key \('a', 'b'\) is not a word"),
        (b"a: !!set {x}\n", r"x\.yaml:1: "),
    ],
)
def test_what_is_no_protocol_at_all_is_one_line_too(content, says):
    with pytest.raises(InvalidProtocolError, match=says) as caught:
        parse(content, "x.yaml")
    assert "\n" not in str(caught.value)


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
        ("lead.duration_s=", "lead.duration_s: is None; it must be a number of seconds"),
        ("lead.duration_s=abc", "is 'abc'; it must be a number of seconds"),
        ("lead.mode=[", "not valid YAML"),
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
