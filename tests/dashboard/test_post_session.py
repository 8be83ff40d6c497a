"""The closing step asks for what nobody has answered yet, and for nothing else."""

from biofeedback.service.schemas import RatingQuestion
from biofeedback.store.records import RatingFact
from dashboard.pages.post_session import answers

ASKED = RatingQuestion(
    scale="pain-nrs",
    question="How strong is your pain right now?",
    low=0,
    high=10,
    low_means="no pain",
    high_means="the worst",
    phase="after",
    at="end",
)


def rating(scale: str = "pain-nrs", written_at: str | None = None, **told: str) -> RatingFact:
    return RatingFact(t_s=1.0, scale=scale, value=3.0, data=dict(told), written_at=written_at)


def test_an_answer_to_the_last_question_of_the_session_counts() -> None:
    assert answers(rating(phase="after", at="end"), ASKED)


def test_an_answer_of_before_does_not() -> None:
    assert not answers(rating(phase="before", at="end"), ASKED)
    assert not answers(rating(phase="after", at="begin"), ASKED)


def test_an_answer_that_was_written_down_afterwards_counts_for_its_scale() -> None:
    assert answers(rating(written_at="2026-03-01T10:00:00+00:00"), ASKED)
    assert not answers(rating("distress-nrs", written_at="2026-03-01T10:00:00+00:00"), ASKED)
