"""Soft strings and a low choir."""

from generator.palette import Hall, Palette, Strand, Timbre, falling

_CHOIR = Strand(partials=falling(24, 0.9), bandwidth_cents=26.0, core=0.3, bus="vowel")

SOFT_STRINGS = Palette(
    hall=Hall(t60_s=(5.6, 2.4), gain=(1.1, 0.65), damp_hz=4500.0),
    timbres={
        "pad": Timbre(
            voices=8,
            strands=(
                Strand(partials=falling(26, 0.95), bandwidth_cents=30.0, core=0.35),
                _CHOIR,
            ),
            attack_s=(3.2, 0.6),
            release_s=(5.0, 1.6),
            level_db=-37.5,
            sway=0.2,
            typical_lufs=-26.3,
        ),
        # Two players, bow attack, vibrato once the note stands.
        "melody": Timbre(
            voices=5,
            strands=(
                Strand(
                    partials=(1.0, 0.75, 0.55, 0.3, 0.28, 0.2, 0.1, 0.12, 0.07, 0.05, 0.04, 0.03),
                    bandwidth_cents=6.0,
                    core=0.75,
                    vibrato_cents=13.0,
                ),
            ),
            attack_s=(0.22, 0.035),
            release_s=(1.0, 0.2),
            level_db=-23.0,
            typical_lufs=-24.7,
        ),
        "bass": Timbre(
            voices=3,
            strands=(
                Strand(
                    partials=(1.0, 0.7, 0.4, 0.25, 0.15, 0.1, 0.05), bandwidth_cents=6.0, core=0.8, bus="low"
                ),
            ),
            attack_s=(0.5, 0.05),
            release_s=(1.6, 0.3),
            level_db=-31.0,
            tilt_db=-1.0,
            typical_lufs=-29.7,
        ),
        # Pizzicato, soft as with the flesh of the thumb.
        "arpeggio": Timbre(
            voices=6,
            strands=(
                Strand(partials=(1.0, 0.5, 0.2), decay_s=0.42, bus="clear"),
                Strand(
                    partials=(0, 0.2, 0.5, 0.4, 0.3, 0.2, 0.1),
                    decay_s=0.13,
                    level=0.3,
                    hardness=1.0,
                    bus="clear",
                ),
            ),
            attack_s=(0.05, 0.01),
            release_s=(0.5, 0.2),
            level_db=-16.0,
            pans=(-0.5, 0.3, -0.15, 0.5),
            typical_lufs=-30.1,
        ),
        "counter": Timbre(
            voices=3,
            strands=(
                Strand(
                    partials=(1.0, 0.55, 0.45, 0.4, 0.2, 0.15, 0.1, 0.06),
                    bandwidth_cents=8.0,
                    core=0.7,
                    vibrato_cents=11.0,
                ),
            ),
            attack_s=(0.5, 0.12),
            release_s=(1.2, 0.3),
            level_db=-31.0,
            typical_lufs=-33.5,
        ),
        "strings": Timbre(
            voices=6,
            strands=(Strand(partials=falling(20, 1.3), bandwidth_cents=36.0, core=0.3),),
            attack_s=(2.2, 0.6),
            release_s=(3.5, 1.0),
            level_db=-29.0,
            sway=0.25,
            typical_lufs=-30.9,
        ),
        # A celesta, far away.
        "bells": Timbre(
            voices=4,
            strands=(
                Strand(partials=(1.0,), decay_s=1.5, bus="clear"),
                Strand(partials=(0, 0, 0, 1.0), decay_s=0.35, level=0.12, hardness=0.8, bus="clear"),
            ),
            attack_s=(0.05, 0.01),
            release_s=(1.6, 0.6),
            level_db=-13.0,
            pans=(0.6, -0.55, 0.35, -0.15),
            typical_lufs=-40.0,
        ),
        "air": Timbre(
            voices=3,
            strands=(_CHOIR,),
            attack_s=(3.0, 1.0),
            release_s=(4.0, 1.5),
            level_db=-29.0,
            sway=0.4,
            typical_lufs=-30.1,
        ),
    },
)
