"""Harp and bells over a drone."""

from generator.palette import Drone, Hall, Palette, Strand, Timbre, plucked


def _harp(decay_s: float, at: float, edge: float) -> tuple[Strand, ...]:
    """Three groups of a string's partials, the higher the sooner gone, as in a string that loses treble."""
    groups = (
        (plucked(1, 3, at=at, slope=1.1), 1.0, 1.0, 0.0, 2.0),
        (plucked(3, 8, at=at, slope=0.9), 0.45, 0.5, 0.6, 0.0),
        (plucked(7, 20, at=at, slope=0.6), 0.13, edge, 1.2, 0.0),
    )
    return tuple(
        Strand(
            partials=partials,
            bandwidth_cents=shimmer_cents,
            core=0.9,
            stretch=5e-5 if shimmer_cents else 0.0,
            decay_s=share * decay_s,
            level=level,
            hardness=hardness,
            bus="clear",
        )
        for partials, share, level, hardness, shimmer_cents in groups
    )


# A bell whose partials agree with any mode: octaves and a twelfth, each a few cents off and slowly beating.
_BELL = (
    Strand(partials=(1.0,), ratio=0.5, bandwidth_cents=2.5, core=0.75, decay_s=4.5, level=0.3, bus="clear"),
    Strand(partials=(1.0,), bandwidth_cents=2.0, core=0.6, decay_s=3.4, bus="clear"),
    Strand(
        partials=(0, 1.0, 0.5),
        bandwidth_cents=3.0,
        core=0.6,
        ratio=1.0015,
        decay_s=1.8,
        level=0.4,
        bus="clear",
    ),
    Strand(
        partials=(0, 0, 0, 1.0, 0, 0.35),
        bandwidth_cents=4.0,
        core=0.7,
        ratio=1.003,
        decay_s=0.5,
        level=0.16,
        hardness=0.8,
        bus="clear",
    ),
)

HARP_BELLS = Palette(
    # The fifth and seventh harmonics would take sides between major and minor: they are left out.
    drone=Drone(
        strands=(
            Strand(
                partials=(1.0, 0.5, 0.35, 0.2, 0.0, 0.12, 0.0, 0.06), bandwidth_cents=9.0, core=0.3, level=0.6
            ),
            Strand(partials=(1.0, 0.5, 0.35, 0.25, 0.0, 0.1), bandwidth_cents=12.0, core=0.3, ratio=2.0),
            Strand(partials=(1.0, 0.5, 0.0, 0.2), bandwidth_cents=12.0, core=0.3, ratio=2.9966, level=0.7),
            Strand(partials=(1.0, 0.4, 0.2, 0.1), bandwidth_cents=14.0, core=0.3, ratio=4.0, level=0.4),
        ),
        level_db=-35.0,
        sway=0.6,
    ),
    hall=Hall(t60_s=(6.3, 2.5), gain=(1.2, 0.6), damp_hz=6000.0),
    timbres={
        # Bowed glass: few partials, slowly moving.
        "pad": Timbre(
            voices=8,
            strands=(
                Strand(
                    partials=(1.0, 0.5, 0.3, 0.22, 0.06, 0.12, 0.03, 0.08), bandwidth_cents=12.0, core=0.5
                ),
            ),
            attack_s=(4.0, 0.8),
            release_s=(6.0, 2.0),
            level_db=-34.0,
            sway=0.25,
            typical_lufs=-26.2,
        ),
        "melody": Timbre(
            voices=6,
            strands=_harp(2.1, 0.38, 0.35),
            attack_s=(0.05, 0.008),
            release_s=(2.4, 0.35),
            level_db=-16.5,
            tilt_db=-1.0,
            pans=(0.12, -0.12, 0.2, -0.2),
            typical_lufs=-23.1,
        ),
        "bass": Timbre(
            voices=3,
            strands=(
                Strand(partials=(1.0, 0.6, 0.3, 0.15, 0.06), decay_s=2.6, bus="low"),
                Strand(
                    partials=(0, 0.3, 0.5, 0.5, 0.4, 0.3, 0.15),
                    decay_s=0.5,
                    level=0.3,
                    hardness=0.8,
                    bus="low",
                ),
            ),
            attack_s=(0.12, 0.03),
            release_s=(2.5, 0.6),
            level_db=-25.5,
            tilt_db=-1.0,
            pans=(0.0,),
            typical_lufs=-29.1,
        ),
        "arpeggio": Timbre(
            voices=6,
            strands=_harp(1.0, 0.29, 0.4),
            attack_s=(0.05, 0.008),
            release_s=(1.8, 0.3),
            level_db=-19.0,
            tilt_db=-1.0,
            pans=(-0.6, -0.2, 0.25, 0.6),
            typical_lufs=-27.6,
        ),
        # A hollow flute of glass.
        "counter": Timbre(
            voices=3,
            strands=(
                Strand(
                    partials=(1.0, 0.12, 0.2, 0.04, 0.05), bandwidth_cents=8.0, core=0.7, vibrato_cents=5.0
                ),
            ),
            attack_s=(0.5, 0.12),
            release_s=(1.6, 0.4),
            level_db=-30.0,
            typical_lufs=-32.7,
        ),
        "strings": Timbre(
            voices=6,
            strands=(Strand(partials=(1.0, 0.5, 0.2, 0.15, 0.05, 0.05), bandwidth_cents=24.0, core=0.4),),
            attack_s=(2.5, 0.7),
            release_s=(3.5, 1.2),
            level_db=-30.0,
            sway=0.3,
            typical_lufs=-31.4,
        ),
        "bells": Timbre(
            voices=5,
            strands=_BELL,
            attack_s=(0.05, 0.01),
            release_s=(5.0, 1.2),
            level_db=-12.0,
            pans=(0.5, -0.5, 0.25, -0.25),
            typical_lufs=-34.0,
        ),
        # A singing bowl.
        "air": Timbre(
            voices=3,
            strands=(
                Strand(partials=(1.0,), bandwidth_cents=3.0, core=0.3, ratio=0.5, bus="clear"),
                Strand(partials=(0, 1.0, 0, 0.15), bandwidth_cents=4.0, core=0.3, level=0.3, bus="clear"),
            ),
            attack_s=(3.0, 1.0),
            release_s=(5.0, 1.5),
            level_db=-28.0,
            sway=0.4,
            typical_lufs=-38.5,
        ),
    },
)
