"""Rating scales for questions to the listener. Answers are recorded and steer nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
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
    low_means: str
    high: int
    high_means: str


SCALES = {
    scale.id: scale
    for scale in (
        RatingScale(
            "pain-nrs",
            "How strong is your pain right now?",
            0,
            "no pain",
            10,
            "the worst pain you can imagine",
        ),
        RatingScale(
            "relaxation-vas",
            "How relaxed do you feel right now?",
            0,
            "not at all relaxed",
            100,
            "as relaxed as you can imagine",
        ),
        RatingScale(
            "sam-arousal",
            "How calm or excited do you feel right now?",
            1,
            "calm, sleepy",
            9,
            "excited, wide awake",
        ),
        RatingScale(
            "sam-valence", "How unpleasant or pleasant do you feel right now?", 1, "unpleasant", 9, "pleasant"
        ),
        RatingScale(
            "distress-nrs",
            "How distressed do you feel right now?",
            0,
            "no distress",
            10,
            "the worst distress you can imagine",
        ),
    )
}
"""Every scale there is, by its id.

The numeric rating scales and the visual analogue scale are asked as is usual with them; the two of the
Self-Assessment Manikin (Bradley & Lang 1994) are asked in words of our own, without its pictures. The items
of the STAI are copyrighted and not among them.
"""
