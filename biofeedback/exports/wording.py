"""What exports say in words: the meaning of each column, and the sentences of their READMEs."""

from __future__ import annotations

import re

USE = "For research and therapist-supervised use; not for diagnosis, monitoring or treatment."

DEIDENTIFIED = (
    "De-identified: all times count in seconds from the session's start; there is no date, time of day, "
    "device id, path or host name; participants bear numbers; texts that people wrote are left out{text}. "
    "Signals and heartbeats themselves are personal data: share them under an agreement."
)
WITH_TEXT = " of everything but the columns of text, where they were asked for: read these before sharing"
IDENTIFIED = (
    "IDENTIFIED: this folder holds what identifies the person (date and time of the session, client code, "
    "device ids, names of files). Keep it as you keep the session itself."
)

MEANINGS = {
    "time_s": "seconds from the session's start",
    "hr_bpm": "heart rate",
    "hr_10s_bpm": "heart rate of the last 10 s",
    "hr_quality": "quality of the heart rate, 0 to 1",
    "rmssd_ms": "RMSSD of the beat intervals (pulse-rate variability where they come from a pulse sensor)",
    "sdnn_ms": "SDNN of the beat intervals",
    "pnn50": "share of successive differences above 50 ms",
    "scl_uS": "tonic skin conductance level",
    "scr_rate_per_min": "skin conductance responses per minute",
    "phasic_auc": "area under the phasic skin conductance",
    "eda_quality": "quality of the skin conductance, 0 to 1",
    "breathing_rate": "breaths per minute",
    "activation": "physiological activation against the listener's own frozen baseline, -3 to 3",
    "activation_0_100": "the same as it is shown, 0 to 100",
    "confidence": "confidence in the activation, 0 to 1",
    "heart_activation": "activation of the heart alone",
    "eda_activation": "activation of the skin alone",
    "heart_source": "code: 0 ecg, 1 rr, 2 ppg, 3 hr",
    "breathing_source": "code: 0 belt, 1 ecg-derived, 2 ppg-derived",
    "id": "number of the beat this line is about; the last line about a beat holds",
    "r_time_s": "time of the R peak (PPG: of the systolic peak), seconds from the session's start",
    "rr_ms": "interval from the beat before",
    "quality": "quality of the beat, 0 to 1",
    "corrected": "1 if the beat was corrected live",
    "action": "code: 0 new, 1 moved, 2 withdrawn, 3 inserted",
    "onset_s": "beginning of the response, seconds from the session's start",
    "peak_s": "peak of the response, seconds from the session's start",
    "amplitude_uS": "amplitude of the response",
    "tempo_bpm": "tempo in beats per minute: quarter notes, in 6/8 dotted quarter notes",
    "mode": "mode of the music: 0 phrygian, 0.2 aeolian, 0.4 dorian, 0.6 mixolydian, 0.8 ionian, 1 lydian",
    "density": "how many notes, 0 to 1",
    "register": "how high, 0 to 1",
    "brightness": "how bright of timbre, 0 to 1",
    "articulation": "0 legato to 1 detached",
    "layers": "number of layers, 1 to 8",
    "level_db": "level relative to the session's reference loudness of -23 LUFS",
    "breath_rate": "swells per minute, 0 for none",
    "breath_depth": "depth of the swells, 0 to 1",
    "sounding": "1 where music was asked for",
    "state": "number of the state that was asked for; in score: the one in force (empty for none)",
    "beat": "place in the score from 0, in beats; of notes in quarter notes",
    "bar": "bar from 0",
    "frame": "sample (48 kHz) from the beginning of the performance",
    "note": "which row of notes, from 0",
    "section": "number of the section of the music, from 0",
    "section_kind": "code: 0 statement, 1 contrast, 2 thinning, 3 return, 4 close",
    "added_density": "what the form adds to the density asked for",
    "added_register": "what the form adds to the register asked for",
    "added_brightness": "what the form adds to the brightness asked for",
    "added_layers": "what the form adds to the layers asked for",
    "added_level_db": "what the form adds to the level asked for, 0 or below",
    "pitch": "MIDI note number",
    "velocity": "MIDI velocity, 1 to 127",
    "duration_s": "seconds",
    "layer": "index: 0 pad, 1 melody, 2 bass, 3 arpeggio, 4 counter, 5 strings, 6 bells, 7 air",
    "stream": "which signal",
    "source_time_s": "the same moment on the input's own clock",
    "engine_time_s": "seconds from the session's start",
    "begin_s": "seconds from the session's start",
    "end_s": "seconds from the session's start",
    "cut": "true where the recording was cut off in the phase",
    "phase": "name of the phase in the protocol",
    "progress": "0 to 1 through the phase (of a lead: through its course, which stands still while held)",
    "why": "why the music is as it is, in one sentence of the program",
    "type": "what kind of marker",
    "name": "name of the phase, or of the command",
    "kind": "kind of phase: baseline, match, lead ...",
    "event": "begin or end",
    "text": "what was written; empty where texts are left out",
    "scale": "scale of the rating",
    "value": "what was rated; empty where no answer was given",
    "origin": "who gave the command: therapist, listener or script",
    "accepted": "whether the command changed anything",
    "answer": "what the session answered; empty where texts are left out",
}

_ENDINGS = {
    "_quality": "quality of this reading, 0 to 1",
    "_window_s": "seconds of signal this reading stands on",
    "_usable": "share of its window that was usable, 0 to 1",
    "_corrected": "share of its beats that were corrected, 0 to 1",
}
_BEGINNINGS = {"music": "asked of the music", "terms": "behind the decision", "args": "of the command"}


def meaning(column: str, stream: str) -> str:
    """Return what a column holds, in words."""
    if column in MEANINGS:
        return MEANINGS[column]
    for ending, words in _ENDINGS.items():
        if column.endswith(ending):
            return f"{column.removesuffix(ending)}: {words}"
    beginning, dot, field = column.partition(".")
    if dot and beginning in _BEGINNINGS:
        return f"{_BEGINNINGS[beginning]}: {MEANINGS.get(field, field.replace('_', ' '))}"
    kind = re.sub(r"_\d+$", "", stream)
    return f"{kind} as measured" if kind in _MEASURED else f"{column.replace('_', ' ')}"


_MEASURED = {"ecg", "ppg", "eda", "rsp", "rr", "hr", "acc"}

TITLES = {
    "csv": "Tables as CSV",
    "parquet": "Tables as Parquet",
    "bids": "BIDS data set",
    "edf": "EDF+C files",
    "midi": "MIDI files",
    "audio": "Sound files",
}

ABOUT = {
    "csv": (
        "One file for each stream. The first line names the columns, missing values are empty, decimal "
        "points, UTF-8. Numbers have as many digits as it takes to read the same 64-bit number back. "
        "Irregular streams have a line for each event; a gap in `time_s` is a gap in the signal, nothing was "
        "filled in."
    ),
    "parquet": (
        "One file for each stream, 64-bit numbers, missing values null. Unit and meaning of a column stand "
        "in its metadata, too."
    ),
    "bids": (
        "BIDS 1.11, `beh/`. `*_physio.tsv.gz` (no header line; columns, units, rate and start in the JSON "
        "beside it) hold regular streams: one line for each period, `n/a` where there is no sample; the rate "
        "is the one the recorded stamps follow, and `TimeStampDeviation` says how far a sample lies from its "
        "own stamp at most, in seconds. `*_events.tsv` holds phases, sections of the music, decisions, "
        "markers, ratings and commands. Irregular streams (beats, responses, intervals, notes, the music "
        "asked for) cannot be physiological recordings of BIDS, which have one rate: they are "
        "`*_acq-STREAM_beh.tsv`, a line for each event with its `onset` in seconds from the session's start."
    ),
    "edf": (
        "EDF+C: raw signals and 1-Hz features on one time axis, phases, sections of the music, markers, "
        "ratings, commands and gaps as annotations. A missing sample has the digital value -32768, which no "
        "sample has: a viewer shows it as a line along the bottom, and `gap LABEL` is annotated over it. "
        "Values are rounded to 16 bits of the physical range, which is that of the data; the error stated "
        "below is half a step."
    ),
    "midi": (
        "Standard MIDI Files, type 1: the tempo of every beat that sounded, and one track for each layer. "
        "Time 0 is the session's start; times agree with the recording within 0.6 ms."
    ),
    "audio": (
        "The sound as it was kept, sample for sample: 48 kHz, stereo, 24 bits. The first sample is the "
        "session's start."
    ),
}


CUT = "The recording was cut off: up to its last second is missing."

USUAL_NAMES = (
    "session recording record rec data signal signals channel device sensor raw test file import imported "
    "markers tags temp bvp ibi bitalino polar empatica opensignals none unknown input output tempo reason "
    "ecg ppg eda rsp rr hr acc music notes score decisions ratings commands clock features beats scrs phases "
    "sub ses task beh physio events participants dataset description provenance csv parquet bids edf midi "
    "audio therapist listener script real virtual mV uS ms bpm baseline match lead sustain settle breathe "
    "arc engage silence return recovery phase section statement contrast thinning close marker decision "
    "rating command gap"
)

BOILERPLATE = "\n".join(
    (
        *(USE, DEIDENTIFIED, IDENTIFIED, WITH_TEXT, CUT, USUAL_NAMES, *ABOUT.values(), *TITLES.values()),
        *(*MEANINGS, *MEANINGS.values(), *_ENDINGS.values()),
    )
)
"""What stands in exports whatever was recorded: a name that occurs here gives nothing away."""
