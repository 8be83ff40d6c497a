"""Heart beats from the samples of an ECG or a pulse sensor.

`waveform` says how each kind of signal is read, `early_detection` reports a beat a quarter of a second after
it happened, `detector` looks again at the last 10 or 12 s with NeuroKit2, `tracker` reconciles the two and
`log` holds the result. `peak_locator` and `beat_template` serve the early detection.

Notes
-----
Many thresholds of this package come from no publication. Their comments say *development recordings*: the
value was chosen on the recordings of ``benchmarks/beat_figures.py`` by the figures that it prints, which are
sensitivity and positive predictive value of beats as first reported, their delay, and in noise the share
of true beats among those of quality 0.5 or more. The recordings are MIT-BIH 100, 105 and 119, the MIT-BIH
noise stress records 118e24 to 118e00, two rests of NeuroKit2, five phone cameras of Welltory and three
wristbands of Stress-Predict. The figures in ``docs/physiology.md`` are of the same recordings, so they are
no independent test of these values. *Convention* means a round value of this project.
"""
