"""SoundFonts: what their notes sound like, against the SoundFont 2.04 specification, and damaged files."""

import math
import struct
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generator.errors import SoundFontError, SoundFontFault
from generator.synthesis.instruments.sample import SampledNote, normalized
from generator.synthesis.sample_set import SampledInstrument, SampleSet
from generator.synthesis.soundfont import LONGEST, SoundFontPreset
from generator.synthesis.soundfont_file import Generator, SoundFontFile
from tests.generator.synthesis.soundfont_writer import Preset, Recorded, both, looped, sine, written

RATE_HZ = 48_000
HERTZ = 441.0
"""Of the samples, whose root key is 60 here: pitches are counted from it."""


def preset_of(path, bank=0, preset=0):
    return SoundFontPreset(SoundFontFile(path), bank, preset)


def note(path, pitch=60, velocity=84, preset=0):
    return preset_of(path, preset=preset).render(SampledNote("test", pitch, velocity))


def loop_font(tmp_path, sample=None, **values):
    zone = {Generator.SAMPLE_MODES: 1, Generator.SAMPLE: 0}
    zone |= {getattr(Generator, name): value for name, value in values.items()}
    return written(tmp_path / "loop.sf2", [sample or looped()], [Preset([zone])])


def hertz_of(sound):
    """The frequency of a tone, from the line through its phase: exact to far less than a cent."""
    window = np.hanning(len(sound))
    spectrum = np.abs(np.fft.rfft(sound * window))
    near = int(spectrum.argmax()) * RATE_HZ / len(sound)
    times = np.arange(len(sound)) / RATE_HZ
    turned = sound * np.exp(-2j * np.pi * near * times)
    halves = [np.angle((part * np.hanning(len(part))).sum()) for part in np.array_split(turned, 2)]
    turn = (halves[1] - halves[0] + np.pi) % (2 * np.pi) - np.pi
    return near + turn / (2 * np.pi) / (len(sound) / 2 / RATE_HZ)


def cents(sound, hertz):
    return 1200 * math.log2(hertz_of(sound) / hertz)


def held(sample, seconds=4.0):
    """The left side of a note held for some time: the loop again and again."""
    part = sample.audio[sample.loop.start : sample.loop.end, 0]
    return np.resize(part, round(seconds * RATE_HZ))


# Pitch.


@pytest.mark.parametrize("pitch", [48, 57, 60, 61, 67, 79, 91])
def test_a_note_is_in_tune_within_half_a_cent(tmp_path, pitch):
    sample = note(loop_font(tmp_path), pitch)
    wanted = HERTZ * 2 ** ((pitch - 60) / 12)
    assert abs(cents(held(sample), wanted)) < 0.5
    assert abs(cents(sample.audio[4800:43_200, 0], wanted)) < 0.5


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"ROOT_KEY": 72}, -1200),
        ({"COARSE_TUNE": 2, "FINE_TUNE": -37}, 163),
        ({"SCALE_TUNING": 50}, 350),
        ({"SCALE_TUNING": 0}, 0),
        ({"KEY": 60}, 0),
    ],
)
def test_tuning_follows_the_specification(tmp_path, values, expected):
    """8.1.2, generators 46, 51, 52, 56, 58; the note is a fifth above the sample's root."""
    pitch = 67 if set(values) & {"SCALE_TUNING", "KEY"} else 60
    sample = note(loop_font(tmp_path, **values), pitch)
    assert abs(cents(held(sample), HERTZ) - expected) < 0.5


def test_the_correction_of_a_sample_and_its_rate_count(tmp_path):
    font = loop_font(tmp_path, looped(correction=-30, rate_hz=22_050))
    assert abs(cents(held(note(font)), HERTZ) + 1230) < 0.5


def test_an_unpitched_sample_is_played_as_note_60(tmp_path):
    assert abs(cents(held(note(loop_font(tmp_path, looped(root_key=255)))), HERTZ)) < 0.5


def test_transposed_up_nothing_is_folded_back(tmp_path):
    """A tone near 20 kHz, an octave higher, is beyond what 48 kHz can hold."""
    font = written(tmp_path / "a.sf2", [Recorded(sine(19_000))], [Preset([{Generator.SAMPLE: 0}])])
    assert note(font, 72).peak < 0.5 * 0.436 * 10 ** (-60 / 20)


# Loops.


def test_a_loop_is_seamless(tmp_path):
    sample = note(loop_font(tmp_path), 64)
    loop, audio = sample.loop, sample.audio[:, 0]
    assert loop.end == len(audio)
    assert loop.end - loop.start >= RATE_HZ
    # What comes after the loop's end continues what comes before it: no line in the spectrum but the tone's.
    sound = held(sample, 6.0)
    spectrum = np.abs(np.fft.rfft(sound * np.blackman(len(sound))))
    peak = int(spectrum.argmax())
    spectrum[peak - 10 : peak + 11] = 0.0
    assert 20 * np.log10(spectrum.max() / (0.42 * len(sound) / 2 * np.abs(sound).max())) < -70


def test_a_loop_enters_where_the_recording_does(tmp_path):
    sample = note(loop_font(tmp_path), 60)
    step = np.abs(np.diff(np.concatenate((sample.audio[:, 0], held(sample, 1.0)))))
    slope = 2 * np.pi * HERTZ / RATE_HZ * sample.peak
    assert step.max() <= slope * 1.01


@pytest.mark.parametrize("periods", [30, 33, 61])
def test_loops_of_different_lengths_sound_together(tmp_path, periods):
    """A fifth apart with loops of other lengths: neither is out of tune, and nothing clicks."""
    zones = [
        {Generator.SAMPLE_MODES: 1, Generator.SAMPLE: 0},
        {Generator.SAMPLE_MODES: 1, Generator.COARSE_TUNE: 7, Generator.SAMPLE: 1},
    ]
    samples = [looped(), looped(periods=periods, seconds=2.0)]
    sample = note(written(tmp_path / "two.sf2", samples, [Preset(zones)]))
    sound = held(sample, 6.0)
    spectrum = np.abs(np.fft.rfft(sound * np.blackman(len(sound))))
    hertz = np.arange(len(spectrum)) / 6.0
    for wanted in (HERTZ, HERTZ * 2 ** (7 / 12)):
        near = np.abs(hertz - wanted) < 30
        assert abs(1200 * math.log2(hertz[near][spectrum[near].argmax()] / wanted)) < 0.7
        spectrum[np.abs(hertz - wanted) < 20] = 0.0
    assert spectrum.max() < 0.42 * len(sound) / 2 * np.abs(sound).max() * 10 ** (-70 / 20)


def test_a_sample_without_a_loop_ends_in_silence(tmp_path):
    font = written(tmp_path / "once.sf2", [Recorded(sine(HERTZ, 1.0))], [Preset([{Generator.SAMPLE: 0}])])
    sample = note(font)
    assert sample.loop is None
    assert abs(len(sample.audio) - RATE_HZ) < 100
    assert np.abs(sample.audio[-1]).max() < 1e-6


def test_no_note_is_longer_than_eight_seconds_and_a_cut_one_fades(tmp_path):
    long = Recorded(sine(HERTZ, 12.0))
    sample = note(written(tmp_path / "long.sf2", [long], [Preset([{Generator.SAMPLE: 0}])]))
    assert len(sample.audio) == LONGEST
    assert np.abs(sample.audio[-1]).max() < 1e-6
    assert np.abs(sample.audio[-12_000:]).max() < 0.2 * sample.peak
    assert np.abs(sample.audio[: 5 * RATE_HZ]).max() == sample.peak


def test_a_loop_that_dies_away_has_no_loop(tmp_path):
    """A plucked sound made of a loop: decay to full silence (generators 36 and 37)."""
    font = loop_font(tmp_path, VOLUME_DECAY=0, VOLUME_SUSTAIN=1000)
    sample = note(font)
    assert sample.loop is None
    assert abs(len(sample.audio) - RATE_HZ) < 200


# Envelope, level, place.


def level_db(sound):
    return 20 * np.log10(np.sqrt(2 * np.mean(sound**2)))


def test_attack_hold_decay_and_sustain_follow_the_specification(tmp_path):
    """Attack 0.5 s, hold 0.25 s, decay 100 dB in 2 s down to −20 dB, that is in 0.4 s."""
    timecents = {"VOLUME_ATTACK": -1200, "VOLUME_HOLD": -2400, "VOLUME_DECAY": 1200, "VOLUME_SUSTAIN": 200}
    sample = note(loop_font(tmp_path, **timecents))
    sound = sample.audio[:, 0] / np.abs(sample.audio).max()

    def at(seconds):
        middle = round(seconds * RATE_HZ)
        return level_db(sound[middle - 480 : middle + 480])

    assert at(0.25) == pytest.approx(-6.0, abs=0.3)
    assert at(0.62) == pytest.approx(0.0, abs=0.2)
    assert at(0.95) == pytest.approx(-10.0, abs=0.3)
    assert at(1.3) == pytest.approx(-20.0, abs=0.2)
    assert sample.loop.start >= 1.15 * RATE_HZ
    assert level_db(held(sample) / np.abs(sample.audio).max()) == pytest.approx(-20.0, abs=0.2)


def test_velocity_and_attenuation_set_the_level(tmp_path):
    """8.4.1: 400·log10(127/velocity) centibels; attenuation adds centibels."""
    loud = note(loop_font(tmp_path), velocity=84).peak
    soft = note(loop_font(tmp_path), velocity=36).peak
    assert 20 * math.log10(soft / loud) == pytest.approx(40 * math.log10(36 / 84), abs=0.1)
    damped = note(loop_font(tmp_path, ATTENUATION=60), velocity=84).peak
    assert 20 * math.log10(damped / loud) == pytest.approx(-6.0, abs=0.1)


def test_a_stereo_pair_keeps_its_sides(tmp_path):
    other = Recorded(sine(882.0, 0.6), (1000, 2000), kind=2)
    zones = [
        {Generator.SAMPLE_MODES: 1, Generator.PAN: -500, Generator.SAMPLE: 0},
        {Generator.SAMPLE_MODES: 1, Generator.PAN: 500, Generator.SAMPLE: 1},
    ]
    sample = note(written(tmp_path / "pair.sf2", [looped(), other], [Preset(zones)]))
    for side, hertz in ((0, 441.0), (1, 882.0)):
        part = sample.audio[sample.loop.start :, side]
        assert abs(cents(np.resize(part, 4 * RATE_HZ), hertz)) < 0.5


def test_a_low_cutoff_darkens_and_an_open_one_does_not(tmp_path):
    high = Recorded(sine(5000.0))
    bright, dark = (
        note(
            written(
                tmp_path / "f.sf2", [high], [Preset([{Generator.FILTER_CUTOFF: cutoff, Generator.SAMPLE: 0}])]
            )
        )
        for cutoff in (13_500, 8400)
    )
    # 8400 cents are 1046 Hz, and a filter of second order falls by 12 dB an octave.
    middle = slice(12_000, 36_000)
    fall = level_db(dark.audio[middle, 0]) - level_db(bright.audio[middle, 0])
    assert fall == pytest.approx(-40 * math.log10(5000 / 1046.5), abs=1.5)


# Zones.


def test_zones_are_chosen_by_key_and_velocity(tmp_path):
    zones = [
        {
            Generator.KEY_RANGE: both(0, 59),
            Generator.SCALE_TUNING: 0,
            Generator.SAMPLE_MODES: 1,
            Generator.SAMPLE: 0,
        },
        {
            Generator.KEY_RANGE: both(60, 127),
            Generator.VELOCITY_RANGE: both(0, 60),
            Generator.SCALE_TUNING: 0,
            Generator.SAMPLE_MODES: 1,
            Generator.SAMPLE: 1,
        },
        {
            Generator.KEY_RANGE: both(60, 127),
            Generator.VELOCITY_RANGE: both(61, 127),
            Generator.SCALE_TUNING: 0,
            Generator.SAMPLE_MODES: 1,
            Generator.SAMPLE: 2,
        },
    ]
    samples = [looped(hertz) for hertz in (294.0, 441.0, 882.0)]
    font = written(tmp_path / "zones.sf2", samples, [Preset(zones)])
    for pitch, velocity, hertz in ((50, 84, 294.0), (60, 36, 441.0), (60, 84, 882.0)):
        assert abs(cents(held(note(font, pitch, velocity)), hertz)) < 0.5


def test_global_zones_hold_for_all_and_presets_add(tmp_path):
    """9.4: a zone's own value replaces the global zone's; what the preset says is added."""
    zones = [
        {Generator.KEY_RANGE: both(0, 59), Generator.SAMPLE: 0},
        {Generator.KEY_RANGE: both(60, 127), Generator.COARSE_TUNE: 5, Generator.SAMPLE: 0},
    ]
    common = {Generator.SAMPLE_MODES: 1, Generator.COARSE_TUNE: 2, Generator.SCALE_TUNING: 0}
    outer = {Generator.COARSE_TUNE: 3, Generator.SCALE_TUNING: 0}
    font = written(tmp_path / "global.sf2", [looped()], [Preset(zones, common=common, outer=outer)])
    assert abs(cents(held(note(font, 50)), HERTZ) - 500) < 0.5
    assert abs(cents(held(note(font, 70)), HERTZ) - 800) < 0.5


def test_offsets_move_the_ends_of_a_sample(tmp_path):
    audio = np.concatenate((np.zeros(4410), sine(HERTZ, 0.5)))
    zone = {Generator.START_OFFSET: 4410, Generator.END_OFFSET: -11_025, Generator.SAMPLE: 0}
    sample = note(written(tmp_path / "o.sf2", [Recorded(audio)], [Preset([zone])]))
    assert np.abs(sample.audio[:480]).max() > 0.9 * sample.peak
    assert abs(len(sample.audio) - 0.25 * RATE_HZ) < 10


# As an instrument.


def test_an_instrument_plays_every_note_of_its_range(tmp_path):
    preset = preset_of(loop_font(tmp_path))
    instrument = preset.instrument(*preset.span((60, 74)))
    samples = SampleSet.of(normalized(list(instrument.render_all())))
    assert {entry.velocity for entry in samples.entries} == {36, 84}
    played = SampledInstrument(samples)
    for pitch in range(60, 75):
        nearest, transposition = played.placed(pitch)
        assert nearest + transposition == pitch
        assert played.length(pitch, 60) == math.inf


def test_a_name_changes_with_whatever_changes_the_samples(tmp_path):
    font = loop_font(tmp_path)
    first = preset_of(font).instrument(60, 72).name
    assert preset_of(font).instrument(60, 72).name == first
    assert preset_of(font).instrument(60, 75).name != first
    font.write_bytes(font.read_bytes() + b"\0\0")
    assert preset_of(font).instrument(60, 72).name != first


def test_a_range_is_what_is_needed_of_what_there_is(tmp_path):
    zone = {Generator.KEY_RANGE: both(40, 80), Generator.SAMPLE: 0}
    preset = preset_of(written(tmp_path / "r.sf2", [looped()], [Preset([zone])]))
    assert preset.span((60, 92)) == (60, 80)
    assert preset.span((72, 92)) == (69, 80)  # an octave at least, so that every note has a place
    assert preset.span((60, 92), (48, 70)) == (59, 70)
    with pytest.raises(SoundFontError, match="it has 40 to 80") as caught:
        preset.span((60, 92), (60, 90))
    assert caught.value.fault is SoundFontFault.NOT_COVERED


def test_presets_are_found_by_number_and_name(tmp_path):
    presets = [
        Preset([{Generator.SAMPLE: 0}], name="Grand"),
        Preset([{Generator.SAMPLE: 0}], name="Harp", number=46),
    ]
    file = SoundFontFile(written(tmp_path / "p.sf2", [looped()], presets))
    assert [each.name for each in file.presets()] == ["Grand", "Harp"]
    assert file.zones(0, "harp") == file.zones(0, 46)
    with pytest.raises(SoundFontError, match="no preset 'Flute' in bank 0; it has 0:0 Grand, 0:46 Harp") as c:
        file.zones(0, "Flute")
    assert c.value.fault is SoundFontFault.NO_PRESET


def test_a_silent_preset_is_refused(tmp_path):
    font = written(tmp_path / "s.sf2", [Recorded(np.zeros(1000))], [Preset([{Generator.SAMPLE: 0}])])
    with pytest.raises(SoundFontError, match="is silent"):
        preset_of(font).instrument(60, 71)


# Damaged files.


def test_what_is_no_soundfont_is_one_clear_line(tmp_path):
    missing = tmp_path / "missing.sf2"
    with pytest.raises(SoundFontError, match="there is no file") as caught:
        SoundFontFile(missing)
    assert caught.value.fault is SoundFontFault.MISSING
    with pytest.raises(SoundFontError) as caught:
        SoundFontFile(tmp_path)  # a folder
    assert caught.value.fault is SoundFontFault.UNREADABLE
    text = tmp_path / "text.sf2"
    text.write_text("RIFF of a kind")
    with pytest.raises(SoundFontError, match="it does not begin as a SoundFont does") as caught:
        SoundFontFile(text)
    assert caught.value.fault is SoundFontFault.DAMAGED


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fonts")
    zones = [
        {Generator.KEY_RANGE: both(0, 66), Generator.SAMPLE_MODES: 1, Generator.SAMPLE: 0},
        {Generator.KEY_RANGE: both(67, 127), Generator.PAN: -100, Generator.SAMPLE: 1},
    ]
    samples = [looped(periods=4), Recorded(sine(HERTZ, 0.1))]
    return written(folder / "whole.sf2", samples, [Preset(zones)]).read_bytes()


def opened(path):
    """Do all that a session does with a file; return why it is refused."""
    try:
        preset = preset_of(path)
        instrument = preset.instrument(*preset.span((60, 71)))
        sample = instrument.render(instrument.lowest, 84)
    except SoundFontError as error:
        return str(error)
    assert len(sample.audio) <= LONGEST
    assert np.isfinite(sample.audio).all()
    return ""


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.95, 0.99, 0.999])
def test_a_file_that_is_cut_off_is_refused(tmp_path, whole, share):
    path = tmp_path / "cut.sf2"
    path.write_bytes(whole[: round(share * len(whole))])
    with pytest.raises(SoundFontError) as caught:
        preset_of(path)
    assert caught.value.fault is SoundFontFault.DAMAGED


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_played_or_refused(tmp_path, whole, data):
    content = bytearray(whole)
    lists = whole.index(b"pdta")
    for _ in range(data.draw(st.integers(1, 6))):
        # Most in the lists, which say where everything is.
        low = data.draw(st.sampled_from([0, lists, lists]))
        content[data.draw(st.integers(low, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.sf2"
    path.write_bytes(content)
    assert "\n" not in opened(path)


def test_endless_lists_are_given_up_soon(tmp_path, whole):
    """Presets and instruments of 65 000 zones each, every one of which refers to all of the others."""
    zones = [{Generator.SAMPLE: 0}] * 30_000
    path = written(tmp_path / "zones.sf2", [looped()], [Preset(zones)])
    began = time.process_time()
    with pytest.raises(SoundFontError, match="too many"):
        preset_of(path)
    chunks = tmp_path / "chunks.sf2"
    chunks.write_bytes(b"RIFF" + struct.pack("<I", 8_000_004) + b"sfbk" + b"JUNK\0\0\0\0" * 1_000_000)
    with pytest.raises(SoundFontError, match="ends before phdr"):
        preset_of(chunks)
    assert time.process_time() - began < 5.0
