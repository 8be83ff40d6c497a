"""Convolution of a stereo stream with long impulse responses, block by block, exact and without latency.

An impulse response is cut into partitions of two sizes (Gardner 1995, "Efficient Convolution without
Input-Output Delay", J. Audio Eng. Soc. 43(3)). The first ones are as long as a block and are computed by
overlap-save as soon as the block arrives. The others are `blocks_per_partition` blocks long. What they add
is due one long partition after their input is complete, so that the work is spread evenly over the blocks
between. Deviation from the paper: two sizes in place of a series that doubles.

Transforms are SciPy's: at these lengths those of NumPy 2 allocate anew for every single-precision transform,
which makes the long ones three times slower.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, rfft

from generator.score import BLOCK_FRAMES, CHANNELS

Samples = npt.NDArray[np.float32]
Spectra = npt.NDArray[np.complex64]
InputBlock = npt.NDArray[np.floating[Any]]

BLOCKS_PER_PARTITION = 16
"""Blocks in a long partition. With 12 or fewer, two responses of 6.5 s cost more; with 20 and
more as much, but less evenly: the dearest block 1.3 to 1.8 times the mean in place of 1.1."""

SILENT_PEAK = 1e-12
"""A block that stays below it (−240 dB) counts as silence: the tail of a filter never becomes subnormal."""

TRANSFORM_COST = 5
"""What a long transform of one side costs, in products of one long partition with its input (measured)."""


class CrossfadedConvolution:
    """Convolves a stereo stream with two impulse responses and mixes them with gains that glide.

    The transforms of the input serve both. Responses made of the same noise (`room.impulse_response` with
    the same seed) add up in phase, so gains whose sum is 1 keep the level between that of the two.

    Parameters
    ----------
    first, second : ndarray, shape (n, 2)
        Impulse responses; their lengths may differ.
    block_frames : int
        Length of every block.
    blocks_per_partition : int
        Blocks in a long partition.

    Raises
    ------
    ValueError
        If an impulse response is empty, not stereo or not finite.
    """

    def __init__(
        self,
        first: InputBlock,
        second: InputBlock,
        *,
        block_frames: int = BLOCK_FRAMES,
        blocks_per_partition: int = BLOCKS_PER_PARTITION,
    ) -> None:
        self._stream = _PartitionedStream([first, second], block_frames, blocks_per_partition)
        self._rise = np.arange(1, block_frames + 1, dtype=np.float32) / np.float32(block_frames)
        self._gains: tuple[float, float] | None = None

    def process(self, block: InputBlock, gains: tuple[float, float]) -> Samples:
        """Return the block convolved with both impulse responses and mixed.

        Parameters
        ----------
        block : ndarray, shape (2, block_frames)
            Finite samples. One that is not finite spoils what follows until `reset`.
        gains : (float, float)
            Gains of the first and second response at the end of the block. From the gains of the block
            before they are approached in a straight line; those of the first block hold at once.

        Returns
        -------
        ndarray of float32, shape (2, block_frames)
            Exactly 0 once the input has been silent for the length of the longer impulse response.
        """
        outputs = self._stream.process(block)
        first: Samples = outputs[0]
        second: Samples = outputs[1]
        before, self._gains = self._gains or gains, gains
        first *= self._glide(before[0], gains[0])
        second *= self._glide(before[1], gains[1])
        first += second
        return first

    def reset(self) -> None:
        """Forget all input; the gains of the next block hold at once."""
        self._stream.reset()
        self._gains = None

    def _glide(self, before: float, after: float) -> Samples | np.float32:
        if before == after:
            return np.float32(after)
        return np.float32(before) + np.float32(after - before) * self._rise


class _PartitionedStream:
    """The convolutions of one input with several impulse responses."""

    def __init__(self, impulses: Sequence[InputBlock], block_frames: int, blocks_per_partition: int) -> None:
        if block_frames < 1 or blocks_per_partition < 1:
            raise ValueError(
                f"a block has at least one frame and a partition one block,"
                f" not {block_frames} and {blocks_per_partition}"
            )
        sides = [_checked(impulse).T for impulse in impulses]
        # What a long partition adds begins when the partition after its input is complete.
        seam = 2 * block_frames * blocks_per_partition
        self._shape = (CHANNELS, block_frames)
        self._head = _Head([each[:, :seam] for each in sides], block_frames)
        self._longest = max(each.shape[1] for each in sides)
        later = [each[:, seam:] for each in sides]
        self._tail = _Tail(later, block_frames, blocks_per_partition) if self._longest > seam else None
        # After these blocks of silence all that is kept of the input is 0 and no work is left to do.
        self._blocks_to_idle = -(-self._longest // block_frames) + 4 * blocks_per_partition
        self._silent_blocks = self._blocks_to_idle
        self._input = np.zeros(self._shape, np.float32)
        self._outputs = (len(impulses), *self._shape)

    def process(self, block: InputBlock) -> Samples:
        """Return a new array of shape (responses, 2, block_frames)."""
        if block.shape != self._shape:
            raise ValueError(f"a block of shape {self._shape} is needed, not {block.shape}")
        if max(block.max(), -block.min()) < SILENT_PEAK:
            self._input[:] = 0.0
            self._silent_blocks += 1
            if self._silent_blocks > self._blocks_to_idle:
                return np.zeros(self._outputs, np.float32)
        else:
            self._input[:] = block
            self._silent_blocks = 0
        output = self._head.process(self._input)
        if self._tail:
            output += self._tail.process(self._input)
        if (self._silent_blocks - 1) * self._shape[1] >= self._longest - 1:
            output[:] = 0.0  # rounding errors are all that is left
        return output

    def reset(self) -> None:
        self._silent_blocks = self._blocks_to_idle
        self._head.reset()
        if self._tail:
            self._tail.reset()


def _checked(impulse: InputBlock) -> Samples:
    if impulse.ndim != CHANNELS or impulse.shape[1] != CHANNELS or not len(impulse):
        raise ValueError(f"an impulse response of shape (n, 2) is needed, not {impulse.shape}")
    if not np.isfinite(impulse).all():
        raise ValueError("the impulse response has samples that are not finite")
    return impulse.astype(np.float32)


def _partition_spectra(impulse: Samples, frames: int) -> Spectra:
    """Return the spectra of partitions of a response of shape (2, n), shape (partitions, 2, frames + 1)."""
    count = -(-impulse.shape[1] // frames)
    padded = np.zeros((CHANNELS, count * frames), np.float32)
    padded[:, : impulse.shape[1]] = impulse
    partitions = padded.reshape(CHANNELS, count, frames).swapaxes(0, 1)
    return np.ascontiguousarray(rfft(partitions, 2 * frames))


class _Head:
    """The partitions that are as long as a block, by overlap-save."""

    def __init__(self, impulses: Sequence[Samples], frames: int) -> None:
        self._frames = frames
        self._spectra = [_partition_spectra(impulse, frames) for impulse in impulses]
        self._count = max(map(len, self._spectra))
        self._newest = 0
        self._window = np.zeros((CHANNELS, 2 * frames), np.float32)
        # Every spectrum of the input is kept twice, so that those of the last blocks stand in a row.
        self._history = np.zeros((2 * self._count, CHANNELS, frames + 1), np.complex64)
        self._products = np.empty((self._count, CHANNELS, frames + 1), np.complex64)
        self._sums = np.empty((len(impulses), CHANNELS, frames + 1), np.complex64)

    def process(self, block: Samples) -> Samples:
        """Return a new array of shape (responses, 2, frames)."""
        self._window[:, : self._frames] = self._window[:, self._frames :]
        self._window[:, self._frames :] = block
        self._newest = newest = (self._newest - 1) % self._count
        spectrum = rfft(self._window)
        self._history[newest] = spectrum
        self._history[newest + self._count] = spectrum
        for spectra, total in zip(self._spectra, self._sums, strict=True):
            products = self._products[: len(spectra)]
            np.multiply(self._history[newest : newest + len(spectra)], spectra, out=products)
            np.add.reduce(products, axis=0, out=total)
        output: Samples = irfft(self._sums, 2 * self._frames)
        return output[..., self._frames :]

    def reset(self) -> None:
        self._window[:] = 0.0
        self._history[:] = 0.0


class _Tail:
    """The long partitions, by overlap-save, their work spread over the blocks of the next partition.

    While one long partition of the input arrives, the one before is transformed, multiplied and transformed
    back, and the result of the one before that is played.
    """

    def __init__(self, impulses: Sequence[Samples], block_frames: int, blocks: int) -> None:
        self._block_frames = block_frames
        self._blocks = blocks
        self._frames = frames = block_frames * blocks
        self._spectra = [_partition_spectra(impulse, frames) for impulse in impulses]
        self._count = max(map(len, self._spectra))
        self._history = np.zeros((self._count, CHANNELS, frames + 1), np.complex64)
        self._product = np.empty((CHANNELS, frames + 1), np.complex64)
        self._sums = np.zeros((len(impulses), CHANNELS, frames + 1), np.complex64)
        self._arriving = np.zeros((CHANNELS, frames), np.float32)
        self._window = np.zeros((CHANNELS, 2 * frames), np.float32)
        self._ready = np.zeros((len(impulses), CHANNELS, frames), np.float32)
        self._playing = np.zeros_like(self._ready)
        self._newest = 0
        self._block = 0
        self._jobs = self._plan()

    def process(self, block: Samples) -> Samples:
        """Return what the tail adds to this block, shape (responses, 2, frames), as a view."""
        if self._block == 0:
            self._turn_over()
        here = slice(self._block * self._block_frames, (self._block + 1) * self._block_frames)
        self._arriving[:, here] = block
        for job in self._jobs[self._block]:
            job()
        self._block = (self._block + 1) % self._blocks
        return self._playing[:, :, here]

    def reset(self) -> None:
        for kept in (self._history, self._sums, self._arriving, self._window, self._ready, self._playing):
            kept[:] = 0.0
        self._block = 0

    def _plan(self) -> list[list[Callable[[], None]]]:
        """Spread the work evenly over the blocks of a partition, in the order in which it must be done."""
        work: list[tuple[int, Callable[[], None]]] = [
            (TRANSFORM_COST, partial(self._transform, side)) for side in range(CHANNELS)
        ]
        for response, spectra in enumerate(self._spectra):
            work += [(1, partial(self._multiply, response, index)) for index in range(len(spectra))]
            if len(spectra):
                work += [
                    (TRANSFORM_COST, partial(self._transform_back, response, side))
                    for side in range(CHANNELS)
                ]
        whole = sum(cost for cost, _ in work)
        jobs: list[list[Callable[[], None]]] = [[] for _ in range(self._blocks)]
        done = 0.0
        for cost, job in work:
            jobs[int((done + cost / 2) * self._blocks / whole)].append(job)
            done += cost
        return jobs

    def _turn_over(self) -> None:
        self._window[:, : self._frames] = self._window[:, self._frames :]
        self._window[:, self._frames :] = self._arriving
        self._playing, self._ready = self._ready, self._playing
        self._newest = (self._newest - 1) % self._count

    def _transform(self, side: int) -> None:
        self._history[self._newest, side] = rfft(self._window[side])

    def _multiply(self, response: int, index: int) -> None:
        """Multiply a partition with the input it belongs to; the first one begins the sum anew."""
        heard = self._history[(self._newest + index) % self._count]
        total = self._sums[response]
        if index == 0:
            np.multiply(heard, self._spectra[response][index], out=total)
        else:
            np.multiply(heard, self._spectra[response][index], out=self._product)
            np.add(total, self._product, out=total)

    def _transform_back(self, response: int, side: int) -> None:
        self._ready[response, side] = irfft(self._sums[response, side], 2 * self._frames)[self._frames :]
