"""Rating scales for questions to the listener. Answers are recorded and steer nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingScale:
    """A question and the numbers that answer it.

    Attributes
    ----------
    id : str
        As protocols name it.
    question : str
        As put to the listener.
    low, high : int
        The ends of the scale; answers are numbers between them.
    low_means, high_means : str
        The ends in words.
    """

    id: str
    question: str
    low: int
    high: int
    low_means: str
    high_means: str


SCALES = {
    scale.id: scale
    for scale in (
        RatingScale(
            id="pain-nrs",
            question="How strong is your pain right now?",
            low=0,
            high=10,
            low_means="no pain",
            high_means="the worst pain you can imagine",
        ),
        RatingScale(
            id="relaxation-vas",
            question="How relaxed do you feel right now?",
            low=0,
            high=100,
            low_means="not at all relaxed",
            high_means="as relaxed as you can imagine",
        ),
        RatingScale(
            id="sam-arousal",
            question="How calm or excited do you feel right now?",
            low=1,
            high=9,
            low_means="calm, sleepy",
            high_means="excited, wide awake",
        ),
        RatingScale(
            id="sam-valence",
            question="How unpleasant or pleasant do you feel right now?",
            low=1,
            high=9,
            low_means="unpleasant",
            high_means="pleasant",
        ),
        RatingScale(
            id="distress-nrs",
            question="How distressed do you feel right now?",
            low=0,
            high=10,
            low_means="no distress",
            high_means="the worst distress you can imagine",
        ),
    )
}
"""Every scale there is, by its id.

The numeric rating scales and the visual analogue scale are asked as is usual with them; the two of the
Self-Assessment Manikin (Bradley & Lang 1994) are asked in words of our own, without its pictures. The items
of the STAI are copyrighted and not among them.
"""
