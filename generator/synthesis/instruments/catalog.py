"""All instruments by their names."""

from generator.synthesis.instruments.plucked import GUITAR, HARP, KALIMBA, MARIMBA
from generator.synthesis.instruments.sample import Instrument
from generator.synthesis.instruments.struck import (
    CELESTA,
    FELT_PIANO,
    HANDBELLS,
    SINGING_BOWL,
)
from generator.synthesis.instruments.sustained import (
    BOWED_ENSEMBLE,
    BREATH,
    CHOIR,
    FLUTE,
    GLASS,
    LOW_CHOIR,
    LOW_STRINGS,
    SOLO_STRINGS,
    SUB_BASS,
    WARM_PAD,
)

INSTRUMENTS: dict[str, Instrument] = {
    each.name: each
    for each in (
        HARP,
        GUITAR,
        KALIMBA,
        MARIMBA,
        FELT_PIANO,
        CELESTA,
        HANDBELLS,
        SINGING_BOWL,
        BOWED_ENSEMBLE,
        SOLO_STRINGS,
        LOW_STRINGS,
        FLUTE,
        GLASS,
        CHOIR,
        LOW_CHOIR,
        WARM_PAD,
        SUB_BASS,
        BREATH,
    )
}
