"""Palette files: YAML that puts built-in instruments and presets of SoundFonts into a built-in palette.

``docs/palettes.md`` is the reference of the format.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from generator.errors import SoundFontError, SoundFontFault
from generator.state import LAYERS, PALETTES
from generator.synthesis.instruments.catalog import INSTRUMENTS
from generator.synthesis.instruments.sample import Instrument
from generator.synthesis.palettes import BUSES, BY_NAME, LayerSound
from generator.synthesis.resolved_palette import (
    DEFAULT_PALETTE,
    PaletteFault,
    PaletteFaultReason,
    ResolvedPalette,
)
from generator.synthesis.soundfont import OCTAVE, SoundFontPreset
from generator.synthesis.soundfont_file import SoundFontFile

COMPOSED_NOTES: Mapping[str, tuple[int, int]] = {
    "pad": (41, 75),
    "melody": (60, 92),
    "bass": (36, 47),
    "arpeggio": (60, 94),
    "counter": (52, 66),
    "strings": (70, 90),
    "bells": (79, 90),
    "air": (67, 78),
}
"""Lowest and highest note that the composer writes for each layer."""

MOST_FILE_BYTES = 100_000
MOST_NESTED = 20
"""Brackets and blanks within one another; the format has four levels."""

LinePath = tuple[str, ...]

Key = Annotated[int, Field(ge=0, le=127, description="a MIDI note from 0 to 127")]
Level = Annotated[float, Field(ge=-60, le=24, description="a number of dB from -60 to 24")]
Seconds = Annotated[float, Field(ge=0, le=20, description="a number of seconds from 0 to 20")]
Pan = Annotated[float, Field(ge=-1, le=1, description="a number from -1 (left) to 1 (right)")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class LayerOfFile(_Part):
    """What a file says of a layer; what it leaves out stays as in the palette that it is based on."""

    instrument: str | None = Field(None, description="the name of a built-in instrument")
    soundfont: str | None = Field(None, min_length=1, description="the path of a .sf2 file")
    bank: int = Field(0, ge=0, le=128, description="a whole number from 0 to 128")
    preset: Annotated[int, Field(ge=0, le=127)] | Annotated[str, Field(min_length=1)] = Field(
        0, description="a number from 0 to 127 or a name in quotes"
    )
    gain_db: Level | None = Field(None, description="a number of dB from -60 to 24")
    transpose: int | None = Field(None, ge=-36, le=36, description="a whole number from -36 to 36")
    range: tuple[Key, Key] | None = Field(
        None, description="two MIDI notes, the lowest and the highest, such as [48, 84]"
    )
    attack_s: tuple[Seconds, Seconds] | None = Field(
        None, description="two numbers of seconds, for legato and for detached notes, such as [0.2, 0.05]"
    )
    release_s: tuple[Seconds, Seconds] | None = Field(
        None, description="two numbers of seconds, for legato and for detached notes, such as [2, 0.5]"
    )
    pans: Annotated[tuple[Pan, ...], Field(min_length=1, max_length=16)] | None = Field(
        None, description="a list of numbers from -1 (left) to 1 (right), such as [-0.2, 0.2]"
    )
    bus: str | None = Field(None, description="warm or clear")
    voices: int | None = Field(None, ge=1, le=16, description="a whole number from 1 to 16")


class PaletteOfFile(_Part):
    """A palette file."""

    based_on: str = Field(description="the name of a built-in palette")
    rooms: str | None = Field(None, description="the name of a built-in palette")
    description: str = Field("", max_length=200, description="a text of at most 200 characters")
    layers: dict[str, LayerOfFile] = Field({}, description="layers with what plays them")


_Fault = tuple[LinePath, str]
"""Where a fault is, and what is wrong and would be right."""


def read_palette_file(path: Path) -> ResolvedPalette:
    """Return the palette of a file.

    Where something is wrong, `ResolvedPalette.faults` holds all of it and `palette` is not to be used.

    Parameters
    ----------
    path : Path
        The file; SoundFonts are looked up from its folder.
    """
    try:
        text = _text(path)
        data, lines = _located(text)
    except _UnusableError as error:
        return _faulty((replace(error.fault, path=path),), {})
    if not isinstance(data, dict):
        detail = "holds no palette; it must begin with keys such as based_on and layers"
        return _faulty((PaletteFault(reason=PaletteFaultReason.FIELD, path=path, line=1, detail=detail),), {})
    read, found = _validated(data)
    if read is None or found:
        return _faulty(
            tuple(
                sorted(
                    (
                        PaletteFault(
                            reason=PaletteFaultReason.FIELD,
                            path=path,
                            line=_line(lines, where),
                            key=".".join(where),
                            detail=detail,
                        )
                        for where, detail in found
                    ),
                    key=lambda fault: fault.line,
                )
            ),
            data,
        )
    return _built(read, path, lines)


def _faulty(faults: tuple[PaletteFault, ...], data: Mapping[str, Any]) -> ResolvedPalette:
    base = data.get("based_on")
    instead = base if isinstance(base, str) and base in PALETTES else DEFAULT_PALETTE
    return ResolvedPalette(palette=BY_NAME[instead], faults=faults, instead=instead)


# Its text.


class _UnusableError(Exception):
    """A file that is no YAML text; becomes a `PaletteFault` within this module."""

    def __init__(self, reason: PaletteFaultReason, detail: str = "", line: int = 0) -> None:
        super().__init__(detail)
        self.fault = PaletteFault(reason=reason, path=Path(), line=line, detail=detail)


def _content(path: Path) -> bytes:
    """Return a file's bytes, not many more than `MOST_FILE_BYTES`."""
    if path.exists() and not path.is_file():  # a pipe would be waited for without end
        raise OSError("it is no file")
    with path.open("rb") as file:
        return file.read(MOST_FILE_BYTES + 1)


def _text(path: Path) -> str:
    try:
        content = _content(path)
    except (FileNotFoundError, NotADirectoryError):
        raise _UnusableError(PaletteFaultReason.MISSING) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _UnusableError(PaletteFaultReason.UNREADABLE, f"{reason}; name a palette file") from None
    if len(content) > MOST_FILE_BYTES:
        detail = f"longer than {MOST_FILE_BYTES} bytes; a palette takes some dozen lines"
        raise _UnusableError(PaletteFaultReason.UNREADABLE, detail)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _UnusableError(
            PaletteFaultReason.UNREADABLE, "not UTF-8; save it as UTF-8 text", line
        ) from None


class _NestedLoader(yaml.SafeLoader):
    """Refuses aliases, which can make a short text long, and deep nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]  # the stubs lack it
            detail = "a word with * in front is an alias; write its value out, or put the text in quotes"
            raise _UnusableError(PaletteFaultReason.SYNTAX, detail, line)
        self.depth += 1
        if self.depth > MOST_NESTED:
            detail = "brackets are nested too deeply; four levels are enough"
            raise _UnusableError(PaletteFaultReason.SYNTAX, detail, 1)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _located(text: str) -> tuple[Any, dict[LinePath, int]]:
    """Return a YAML text's data, and the line of every key by the path that leads to it."""
    lines: dict[LinePath, int] = {(): 1}
    try:
        loader = _NestedLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None, lines
        _locate(node, (), lines)
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        detail = f"{error.problem or error.context}; indent with spaces, and put texts in quotes"
        line = mark.line + 1 if mark else 1
        raise _UnusableError(PaletteFaultReason.SYNTAX, detail.replace("\n", " "), line) from None
    except (yaml.YAMLError, ValueError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise _UnusableError(PaletteFaultReason.SYNTAX, f"{first}; write plain YAML", 1) from None


def _locate(node: yaml.Node, path: LinePath, lines: dict[LinePath, int]) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        where = (*path, str(key.value))
        line = key.start_mark.line + 1
        if where in lines:
            detail = f"{where[-1]} is given twice, first in line {lines[where]}; leave one of them out"
            raise _UnusableError(PaletteFaultReason.SYNTAX, detail, line)
        lines[where] = line
        _locate(value, where, lines)


def _line(lines: Mapping[LinePath, int], where: LinePath) -> int:
    return lines[next(where[:size] for size in range(len(where), -1, -1) if where[:size] in lines)]


# Its fields.


def _validated(data: dict[Any, Any]) -> tuple[PaletteOfFile | None, list[_Fault]]:
    try:
        read = PaletteOfFile.model_validate(_as_tuples(data))
    except ValidationError as error:
        found = {_where(each["loc"]): each for each in reversed(error.errors(include_url=False))}
        return None, [(where, _in_words(where, each)) for where, each in found.items()]
    return read, list(_unknown_names(read))


def _as_tuples(value: Any) -> Any:
    """Return the data with tuples for lists: strict validation takes no list for a tuple."""
    if isinstance(value, dict):
        return {str(key): _as_tuples(inner) for key, inner in value.items()}
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _where(location: tuple[int | str, ...]) -> LinePath:
    """Return the keys that lead to a fault, without indices and what pydantic says of alternatives."""
    keys = tuple(str(step) for step in location)
    depth = 3 if keys[:1] == ("layers",) else 1
    return keys[:depth]


def _in_words(where: LinePath, error: Any) -> str:
    model: type[BaseModel] = LayerOfFile if where[0] == "layers" and len(where) > 1 else PaletteOfFile
    known = model.model_fields
    if error["type"] == "extra_forbidden":
        return f"is no key; {_known(where[-1], list(known))}"
    right = known[where[-1]].description if where[-1] in known else "keys such as instrument or soundfont"
    return f"is missing; it must be {right}" if error["type"] == "missing" else f"must be {right}"


def _known(word: str, names: Collection[str]) -> str:
    """Return which names there are, and which of them may have been meant."""
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.65)
    return f"there are {', '.join(names)}" + (f"; did you mean {near[0]!r}?" if near else "")


def _unknown_names(read: PaletteOfFile) -> Iterator[_Fault]:
    for key, name in (("based_on", read.based_on), ("rooms", read.rooms)):
        if name is not None and name not in PALETTES:
            yield (key,), f"{name!r} is no built-in palette; {_known(name, PALETTES)}"
    for name, layer in read.layers.items():
        if name not in LAYERS:
            yield ("layers", name), f"is no layer; {_known(name, LAYERS)}"
        else:
            yield from _layer_faults(("layers", name), layer)


def _layer_faults(where: LinePath, layer: LayerOfFile) -> Iterator[_Fault]:
    if layer.instrument is not None and layer.instrument not in INSTRUMENTS:
        known = _known(layer.instrument, list(INSTRUMENTS))
        yield (*where, "instrument"), f"{layer.instrument!r} is no instrument; {known}"
    if layer.instrument is not None and layer.soundfont is not None:
        yield (*where, "soundfont"), "stands beside an instrument; leave one of them out"
    if layer.soundfont is None:
        for key in ("bank", "preset", "range"):
            if key in layer.model_fields_set:
                yield (*where, key), "is for a SoundFont; give soundfont too, or leave it out"
    if layer.bus is not None and layer.bus not in BUSES:
        yield (*where, "bus"), f"must be {' or '.join(BUSES)}"
    if layer.range is not None and layer.range[1] - layer.range[0] < OCTAVE - 1:
        yield (*where, "range"), f"must span an octave at least, such as [60, {60 + OCTAVE - 1}]"


# Its palette.

_REASONS = {
    SoundFontFault.NO_PRESET: (PaletteFaultReason.PRESET, "preset"),
    SoundFontFault.NOT_COVERED: (PaletteFaultReason.RANGE, "range"),
}


def _built(read: PaletteOfFile, path: Path, lines: Mapping[LinePath, int]) -> ResolvedPalette:
    base = BY_NAME[read.based_on]
    sounds, instruments, faults = dict(base.sounds), {}, []
    for name, layer in read.layers.items():
        sound = _changed(sounds[name], layer)
        if layer.soundfont is not None:
            try:
                instrument = _instrument(layer, name, sound.transpose, path.parent)
            except SoundFontError as error:
                reason, key = _REASONS.get(error.fault, (PaletteFaultReason.SOUNDFONT, "soundfont"))
                line = _line(lines, ("layers", name, key if key in layer.model_fields_set else "soundfont"))
                faults.append(
                    PaletteFault(
                        reason=reason, path=path, line=line, key=f"layers.{name}.{key}", detail=str(error)
                    )
                )
                continue
            instruments[instrument.name] = instrument
            sound = replace(sound, instrument=instrument.name)
        sounds[name] = sound
    if faults:
        return _faulty(tuple(sorted(faults, key=lambda fault: fault.line)), {"based_on": read.based_on})
    rooms = base.rooms if read.rooms is None else BY_NAME[read.rooms].rooms
    return ResolvedPalette(
        palette=replace(base, sounds=sounds, rooms=rooms),
        instruments=instruments,
        description=read.description,
    )


def _changed(sound: LayerSound, layer: LayerOfFile) -> LayerSound:
    named = {"instrument": "instrument", "gain_db": "level_db"}
    named |= {key: key for key in ("transpose", "attack_s", "release_s", "pans", "bus", "voices")}
    given = {field: getattr(layer, key) for key, field in named.items() if getattr(layer, key) is not None}
    return replace(sound, **given)


def _instrument(layer: LayerOfFile, name: str, transpose: int, folder: Path) -> Instrument:
    assert layer.soundfont is not None  # noqa: S101 - asked for SoundFonts only
    preset = SoundFontPreset(SoundFontFile(folder / layer.soundfont), layer.bank, layer.preset)
    low, high = (note + transpose for note in COMPOSED_NOTES[name])
    return preset.instrument(*preset.span((low, high), layer.range))
