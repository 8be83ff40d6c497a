"""The music of a session: its notes as MIDI, its sound as FLAC or WAV."""

from __future__ import annotations

from pathlib import Path

import soundfile

from biofeedback.errors import RecordingError
from biofeedback.exports.source import SessionSource
from biofeedback.recording.audio import open_sound, sound_blocks, sound_path
from biofeedback.recording.reader import recorded_score
from generator.events import write_midi

LARGEST_WAV = 4_000_000_000


def write_notes(source: SessionSource, path: Path) -> int:
    """Write the notes that sounded as a Standard MIDI File; return how many there are.

    Times are those from the session's start, as they sounded. Nothing is written where there are none.

    Raises
    ------
    RecordingError
        If the recording names a layer that this program does not have.
    """
    score = recorded_score(source.streams, source.t0_s)
    if score.notes:
        write_midi(path, score.notes, score.beats)
    return len(score.notes)


def write_sound(source: SessionSource, path: Path) -> int:
    """Write the sound anew, sample for sample, without tags; return how many frames there are.

    Nothing is written where no sound was kept. A sound file that was not closed is read up to its last whole
    block.

    Parameters
    ----------
    source : SessionSource
        The session.
    path : Path
        Ends in ``.flac`` or ``.wav``. A WAV file above 4 GB becomes RF64, as the EBU recommends.

    Raises
    ------
    RecordingError
        If the sound cannot be read.
    """
    kept = sound_path(source.directory)
    if kept is None:
        return 0
    kind = path.suffix[1:].upper()
    if kind == "WAV" and kept.stat().st_size * 2 > LARGEST_WAV:
        kind = "RF64"
    frames = 0
    with open_sound(kept) as sound:
        try:
            with soundfile.SoundFile(
                path, "w", sound.samplerate, sound.channels, subtype="PCM_24", format=kind
            ) as copy:
                for block in sound_blocks(sound):
                    copy.write(block)
                    frames += len(block)
        except (soundfile.SoundFileError, OSError) as error:
            raise RecordingError(f"{path} cannot be written: {error}") from None
    return frames
