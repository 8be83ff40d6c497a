"""Every sentence the controller says, in one mapping, so that they can be translated in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CATALOGUE: Mapping[str, str] = {
    "settle": "Settling: no music for another {left_s:.0f} s, so that listener and sensors come to rest.",
    "baseline": "Baseline: silence for another {left_s:.0f} s while the resting state is measured.",
    "silence": "Silence: the protocol asks for a pause, another {left_s:.0f} s of it.",
    "match": "Matching: the heart rate is {hr:.0f} per minute and the music goes at {tempo:.1f} bpm.",
    "match moving": "Matching: the heart rate is {hr:.0f} per minute and the tempo is on its way to "
    "{matched:.1f} bpm, now {tempo:.1f}, no faster than {limit:g} bpm a minute.",
    "match clamped": "Matching: a heart rate of {hr:.0f} per minute is outside what music can match here, "
    "so the tempo keeps to {matched:.1f} bpm, now {tempo:.1f}.",
    "match relative": "Matching: the heart rate is {hr:.0f} per minute and the protocol asks for {asked} of "
    "it, which is {matched:.1f} bpm, now {tempo:.1f}.",
    "match once": "Matching once: the heart rate found at the start asks for {matched:.1f} bpm, now "
    "{tempo:.1f}; the open-loop arm does not follow it further.",
    "match waiting": "Waiting: no heart rate is known yet, so the music stays at {tempo:.1f} bpm.",
    "match fixed": "Matching: the protocol fixes the tempo at {tempo:.1f} bpm.",
    "shortened": "Leading toward {goal:.1f} bpm instead of {full_goal:.1f}: at {limit:g} bpm a minute the "
    "lead from {t0:.1f} bpm has no time for more.",
    "lead": "Leading: physiological activation is {activation:+.1f}, not above {hold_at:+.1f}, so the tempo "
    "goes on toward {goal:.1f} bpm, now {tempo:.1f}.",
    "lead rising": "Leading: physiological activation is {activation:+.1f}, above {hold_at:+.1f} for "
    "{off_s:.0f} s; the music, now at {tempo:.1f} bpm, goes on unless that lasts {hold_after:.0f} s.",
    "hold": "Holding: physiological activation rose above {hold_at:+.1f} and has not fallen below "
    "{release_at:+.1f}, so the music waits at {tempo:.1f} bpm.",
    "lead up": "Leading up: physiological activation is {activation:+.1f}, not below {hold_at:+.1f}, so the "
    "tempo goes on toward {goal:.1f} bpm, now {tempo:.1f}.",
    "lead up falling": "Leading up: physiological activation is {activation:+.1f}, below {hold_at:+.1f} for "
    "{off_s:.0f} s; the music, now at {tempo:.1f} bpm, goes on unless that lasts {hold_after:.0f} s.",
    "hold up": "Holding: physiological activation fell below {hold_at:+.1f} and has not risen above "
    "{release_at:+.1f}, so the music waits at {tempo:.1f} bpm.",
    "step back up": "Stepping back: physiological activation has stayed low, so the lead goes back by "
    "{back_percent:.0f} % of the way it had come, to {percent:.0f} %, now {tempo:.1f} bpm.",
    "step back": "Stepping back: physiological activation has stayed high, so the lead goes back by "
    "{back_percent:.0f} % of the way it had come, to {percent:.0f} %, now {tempo:.1f} bpm.",
    "plateau after steps": "Plateau: physiological activation stayed high after {most_step_backs} steps "
    "back, so the music stays; therapist, please look and say Resume to go on.",
    "plateau up after steps": "Plateau: physiological activation stayed low after {most_step_backs} steps "
    "back, so the music stays; therapist, please look and say Resume to go on.",
    "plateau far": "Plateau: physiological activation was above {far_above:+.1f} for {far_after:.0f} s, so "
    "the music stays; therapist, please look and say Resume to go on.",
    "no reference": "On plan: too little of the listener's activation is known to compare with, so the lead "
    "goes by the clock, now {tempo:.1f} bpm.",
    "on clock": "Leading by the clock: the protocol does not wait for the listener here, now {tempo:.1f} "
    "bpm on the way to {goal:.1f}.",
    "by the clock": "Leading by the clock: the open-loop arm does not wait for the listener, now "
    "{tempo:.1f} bpm on the way to {goal:.1f}.",
    "weak": "Going on as before, now at {tempo:.1f} bpm: the signal is too weak to trust.",
    "frozen": "Holding: the signal has been too weak to trust for {idle_s:.0f} s, so the music stays as it "
    "is at {tempo:.1f} bpm.",
    "frozen until resume": "Holding: the signal is back after a loss, and the music adapts to it again once "
    "somebody says Resume.",
    "plan": "On plan: the signal has been too weak to trust for {idle_s:.0f} s, so the music follows the "
    "planned arc by the clock, now {tempo:.1f} bpm.",
    "plan until resume": "On plan: the signal is back after a loss, but the music follows the clock, now "
    "{tempo:.1f} bpm, until somebody says Resume.",
    "recovered": "Adapting again: the signal can be trusted, and the music goes on from {tempo:.1f} bpm.",
    "sustain": "Sustaining: the music stays at {tempo:.1f} bpm for another {left_s:.0f} s.",
    "sustain early": "Sustaining at {tempo:.1f} bpm: the lead's time was over after {lead_percent:.0f} % of "
    "its course.",
    "section travels": "Travelling: {name} is to be at {goal:.1f} bpm, now {tempo:.1f}.",
    "section stays": "Staying: {name} keeps {tempo:.1f} bpm for another {left_s:.0f} s.",
    "breathe": "Breathing: the music swells {rate:.1f} times a minute, as the protocol asks, at {tempo:.1f} "
    "bpm for another {left_s:.0f} s.",
    "breathe own": "Breathing: the music swells {rate:.1f} times a minute, {share:.0f} % of the listener's "
    "own rate, at {tempo:.1f} bpm for another {left_s:.0f} s.",
    "breathe assessed": "Breathing: the music swells {rate:.1f} times a minute, the rate at which the heart "
    "rate swung most, at {tempo:.1f} bpm for another {left_s:.0f} s.",
    "breathe fallback": "Breathing: the music swells {rate:.1f} times a minute because the listener's own "
    "rate is not known, at {tempo:.1f} bpm for another {left_s:.0f} s.",
    "breathe unassessed": "Breathing: the music swells {rate:.1f} times a minute because the assessment "
    "found no rate, at {tempo:.1f} bpm for another {left_s:.0f} s.",
    "assess": "Assessing: breathing at {rate:.1f} per minute is tried for another {left_s:.0f} s, at "
    "{tempo:.1f} bpm.",
    "engage": "Engaging: energy is {energy:.1f}, set by people alone, so the music goes to {goal:.1f} bpm, "
    "now {tempo:.1f}.",
    "engage until": "Engaging: energy is {energy:.1f}, set by people alone, so the music goes to {goal:.1f} "
    "bpm, now {tempo:.1f}, until the cue {cue}.",
    "return": "Returning: the music travels to {goal:.1f} bpm, now {tempo:.1f}, for another {left_s:.0f} s.",
    "recovery": "Recovery: silence for another {left_s:.0f} s while physiology is observed.",
    "settle until": "Settling: no music until the cue {cue}, {left_s:.0f} s more at most.",
    "silence until": "Silence: a pause until the cue {cue}, {left_s:.0f} s more at most.",
    "recovery until": "Recovery: silence until the cue {cue}, {left_s:.0f} s more at most, while physiology "
    "is observed.",
    "paused": "Paused: the music goes on as it is, now at {tempo:.1f} bpm, and the course of {name} waits "
    "until somebody says Resume.",
    "paused in silence": "Paused: it stays silent, and the course of {name} waits until somebody says "
    "Resume.",
    "held": "Held: the music is silent and the course of {name} waits until somebody says Resume.",
    "by hand": "{sentence}; by hand: {fields}.",
    "end": "Ending: {reason}; the music fades out over {fade_s:.0f} s.",
    "end in silence": "Ending: {reason}.",
    # How a parameter in somebody's hands is named.
    "field tempo_bpm": "tempo to {value:.1f} bpm",
    "field mode": "mode to {mode}",
    "field density": "density to {value:.2f}",
    "field register": "register to {value:.2f}",
    "field brightness": "brightness to {value:.2f}",
    "field articulation": "articulation to {value:.2f}",
    "field layers": "layers to {value:.0f}",
    "field level_db": "level to {value:.1f} dB",
    "field breath_rate": "rate of breath to {value:.1f} per minute",
    "field breath_depth": "depth of breath to {value:.2f}",
    "field steps": "{value:+d} steps of intensity",
    "name tempo_bpm": "tempo",
    "name mode": "mode",
    "name density": "density",
    "name register": "register",
    "name brightness": "brightness",
    "name articulation": "articulation",
    "name layers": "layers",
    "name level_db": "level",
    "name breath_rate": "rate of breath",
    "name breath_depth": "depth of breath",
    "name steps": "steps of intensity",
    # Questions.
    "ask plateau": "The listener does not follow: stay here, go on, or stop?",
    "ask resume": "The signal is back after a loss: is the listener well, and may the music adapt again?",
    "ask baseline": "The baseline may not do ({verdict}): extend it?",
    "ask cue": "In {left_s:.0f} s {name} ends by itself: has {cue} come, or should it last longer?",
    "ask rating": "{question} ({low} {low_means}, {high} {high_means})",
    # Answers to commands.
    "not begun": "The session has not begun.",
    "is ending": "The session is coming to its end.",
    "is over": "The session is over.",
    "paused already": "The session is paused already.",
    "held already": "The music is held already.",
    "pauses": "The course waits and the music goes on as it is.",
    "holds": "The course waits and the music fades to silence within 4 s.",
    "goes on": "The course goes on.",
    "goes on from silence": "The course goes on and the music rises over 10 s.",
    "adapts again": "The music adapts again.",
    "nothing to resume": "There is nothing to resume.",
    "no signal to resume": "The signal is not back yet; say Resume again once it is.",
    "stays": "It stays as it is, and in this phase the question is not put again.",
    "nothing to stay": "There is no question that this answers.",
    "skips": "{name} ends now.",
    "extends": "{name} lasts {seconds:.0f} s longer and has {left_s:.0f} s left.",
    "energy": "Energy goes to {energy:.1f}.",
    "energy at its end": "Energy is at {energy:.1f} already and goes no further.",
    "intensity": "Intensity goes to {steps:+d} of 3 steps.",
    "intensity at its end": "Intensity is at {steps:+d} of 3 steps already.",
    "silent here": "There is no music in {name}.",
    "takes": "By hand from now on: {field}; it gets there within the limits.",
    "releases": "Given back to the protocol: {fields}; it goes there within the limits.",
    "nothing in hand": "Nothing of this is in hand.",
    "cue comes": "The cue {cue} ends {name}.",
    "no such cue": "{name} does not wait for the cue {cue}.",
    "volume": "The master volume goes to {volume:.0f} dB.",
    "not yet": "That moment has not come yet: the session is {at:.1f} s old.",
    "noted": "It is written down.",
    "rated": "It is written down.",
    "declined": "It is written down that no answer was wished.",
    "no such scale": "There is no scale {scale}; there are {known}.",
    "not on the scale": "{value:g} is not on the scale {scale}, which goes from {low} to {high}.",
    "stops": "The music comes to its end now.",
    "silences": "The music is silenced at once.",
    # Why a session ended.
    "reason stopped": "it was stopped",
    "reason silenced": "it was stopped at once",
    "reason complete": "the protocol is complete",
}
"""By key: sentences for decisions, questions and answers, and the words they are put together from."""


def say(key: str, **values: Any) -> str:
    """Return a sentence with its values."""
    return CATALOGUE[key].format_map(values)
