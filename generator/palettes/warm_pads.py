"""Warm pads with a felt piano."""

from generator.palette import Palette, Strand, Timbre, falling

_FELT_STRETCH = 3e-4

WARM_PADS = Palette(
    timbres={
        "pad": Timbre(
            voices=10,
            strands=(Strand(partials=falling(24, 0.85), bandwidth_cents=20.0, core=0.5),),
            attack_s=(4.0, 0.8),
            release_s=(6.0, 2.0),
            level_db=-33.5,
            sway=0.15,
            typical_lufs=-27.7,
        ),
        # A mellow body that rings on after a fuller start, a brighter edge that follows the touch, and the
        # breath of the felt on the string.
        "melody": Timbre(
            voices=6,
            strands=(
                Strand(
                    partials=(1.0, 0.34, 0.15, 0.07, 0.03),
                    bandwidth_cents=3.0,
                    core=0.85,
                    stretch=_FELT_STRETCH,
                    decay_s=2.6,
                    level=0.8,
                    bus="clear",
                ),
                Strand(
                    partials=(0.5, 0.4, 0.35, 0.5, 0.3, 0.22, 0.12, 0.08, 0.05),
                    bandwidth_cents=3.0,
                    core=0.85,
                    stretch=_FELT_STRETCH,
                    decay_s=0.5,
                    level=0.5,
                    hardness=1.0,
                    bus="clear",
                ),
                Strand(
                    partials=(0.6, 1.0, 0.8, 0.5),
                    bandwidth_cents=900.0,
                    core=0.0,
                    decay_s=0.045,
                    level=0.16,
                    hardness=0.5,
                    bus="warm",
                ),
            ),
            attack_s=(0.05, 0.01),
            release_s=(1.2, 0.3),
            level_db=-20.0,
            typical_lufs=-26.2,
        ),
        "bass": Timbre(
            voices=3,
            strands=(Strand(partials=(1.0, 0.45, 0.2, 0.08, 0.03), decay_s=7.0, bus="low"),),
            attack_s=(0.25, 0.05),
            release_s=(1.5, 0.4),
            level_db=-26.5,
            tilt_db=-1.0,
            pans=(0.0,),
            typical_lufs=-29.5,
        ),
        "arpeggio": Timbre(
            voices=6,
            strands=(
                Strand(partials=(1.0, 0.2, 0.05), decay_s=0.8, bus="clear"),
                Strand(
                    partials=(0, 0, 0.5, 0.3, 0.4, 0, 0.15),
                    decay_s=0.18,
                    level=0.32,
                    hardness=1.0,
                    bus="clear",
                ),
            ),
            attack_s=(0.05, 0.01),
            release_s=(0.6, 0.2),
            level_db=-17.0,
            pans=(-0.55, 0.35, -0.15, 0.6),
            typical_lufs=-28.0,
        ),
        "counter": Timbre(
            voices=3,
            strands=(
                Strand(partials=falling(9, 1.6, odd_only=True), bandwidth_cents=7.0, vibrato_cents=6.0),
            ),
            attack_s=(0.6, 0.15),
            release_s=(1.2, 0.4),
            level_db=-30.0,
            typical_lufs=-33.3,
        ),
        "strings": Timbre(
            voices=6,
            strands=(Strand(partials=falling(26, 0.8), bandwidth_cents=34.0),),
            attack_s=(2.5, 0.7),
            release_s=(3.5, 1.2),
            level_db=-30.0,
            sway=0.2,
            typical_lufs=-32.6,
        ),
        "bells": Timbre(
            voices=4,
            strands=(
                Strand(partials=(1.0,), decay_s=2.2, bus="clear"),
                Strand(partials=(1.0,), ratio=2.006, decay_s=1.1, level=0.35, bus="clear"),
                Strand(partials=(1.0,), ratio=4.17, decay_s=0.35, level=0.12, hardness=0.7, bus="clear"),
            ),
            attack_s=(0.05, 0.01),
            release_s=(2.0, 0.8),
            level_db=-14.0,
            pans=(0.6, -0.55, 0.35, -0.15),
            typical_lufs=-38.7,
        ),
        "air": Timbre(
            voices=3,
            strands=(Strand(partials=(1.0, 0.5, 0.25, 0.2), bandwidth_cents=180.0, core=0.05, bus="clear"),),
            attack_s=(3.0, 1.0),
            release_s=(4.0, 1.5),
            level_db=-35.0,
            sway=0.4,
            typical_lufs=-42.2,
        ),
    },
)
