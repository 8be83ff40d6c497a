"""The sound of a session, kept as FLAC."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import soundfile as sf

from biofeedback.errors import RecordingError
from generator.score import SAMPLE_RATE

CHANNELS = 2


class AudioFile:
    """Stereo sound at 48 kHz, written as it is rendered, in 24 bits without loss.

    Parameters
    ----------
    path : Path
        The file; one that exists is not written over.

    Raises
    ------
    RecordingError
        If the file exists or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.exists():
            raise RecordingError(f"{path} exists already; sound is not written over")
        try:
            self._file = sf.SoundFile(
                path, "w", samplerate=SAMPLE_RATE, channels=CHANNELS, subtype="PCM_24", format="FLAC"
            )
        except (sf.SoundFileError, OSError) as error:
            raise RecordingError(f"{path} cannot be written: {error}") from None

    def write(self, block: npt.NDArray[np.float32]) -> None:
        """Append a block.

        Parameters
        ----------
        block : ndarray, float32, shape (n, 2)
            Samples within −1 to 1.

        Raises
        ------
        RecordingError
            If a sample is outside −1 to 1 or not a number (the file would clip it, and no longer be
            what was heard), or the file cannot be written.
        """
        if block.ndim != 2 or block.shape[1] != CHANNELS:
            raise RecordingError(f"{self._path}: sound has shape {block.shape}, (n, {CHANNELS}) is needed")
        if not np.all(np.abs(block) <= 1.0):
            raise RecordingError(f"{self._path}: sound is not within -1 to 1")
        try:
            self._file.write(block)
        except (sf.SoundFileError, OSError) as error:
            raise RecordingError(f"{self._path} cannot be written: {error}") from None

    def close(self) -> None:
        """Finish the file. Closing twice is harmless.

        Raises
        ------
        RecordingError
            If the file cannot be written.
        """
        try:
            self._file.close()
        except (sf.SoundFileError, OSError) as error:
            raise RecordingError(f"{self._path} cannot be written: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
