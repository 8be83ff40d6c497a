"""Rain, stream, wind, sea and night under the music: made of single sounds that never repeat."""

from generator.synthesis.nature.player import NATURE_SOUNDS, NaturePlayer, NatureSound, room_db

__all__ = ["NATURE_SOUNDS", "NaturePlayer", "NatureSound", "room_db"]
