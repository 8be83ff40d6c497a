"""The palettes there are, by the name a piece asks for them."""

from generator.palette import Palette
from generator.palettes.harp_bells import HARP_BELLS
from generator.palettes.soft_strings import SOFT_STRINGS
from generator.palettes.warm_pads import WARM_PADS

BY_NAME: dict[str, Palette] = {
    "warm-pads": WARM_PADS,
    "harp-bells": HARP_BELLS,
    "soft-strings": SOFT_STRINGS,
}
