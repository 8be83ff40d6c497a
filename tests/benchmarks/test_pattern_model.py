"""Prediction by partial matching, on rows whose probabilities are worked out by hand."""

import math

import pytest

from benchmarks.pattern_model import PatternModel


def test_what_was_never_seen_is_equally_likely():
    assert PatternModel(25).surprise([0, 2, -14]) == pytest.approx([math.log2(25)] * 3)


def test_it_expects_what_it_has_learnt():
    model = PatternModel(25)
    model.learn([2, 2, -4] * 20)
    known, unknown = model.surprise([2, 2, -4] * 5), model.surprise([2, 2, 1] * 5)
    assert max(known[4:]) < 0.5 < min(unknown[2::3])


def test_an_unknown_symbol_escapes_to_shorter_contexts():
    model = PatternModel(25)
    model.learn("aab")  # without context: a twice, b once; after an a: a and b, once each
    assert model.surprise("a") == pytest.approx([-math.log2(2 / 5)])
    assert model.surprise("ab")[1] == pytest.approx(-math.log2(1 / 4))
    # After an a only a and b came: escape 2 of 4. Without context neither is left; 23 others remain.
    assert model.surprise("ac")[1] == pytest.approx(-math.log2(1 / 2 * 1 / 23))


def test_it_learns_while_it_listens():
    bits = PatternModel(2).surprise_while_learning("ab")
    # Of two symbols the first is a toss; then a came once in two (escape 1 of 2), and only b is left.
    assert bits == pytest.approx([1.0, 1.0])
