"""Clients by pseudonyms, and what they agree to."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofeedback.errors import UsageError
from biofeedback.store.pseudonym import check_pseudonym
from generator.preferences import Preferences


@pytest.mark.parametrize(
    ("code", "because"),
    [
        ("anna@example.org", "must not be an e-mail address"),
        ("Anna Schmidt", "has no blanks"),
        ("1980-05-17", "must not hold a date"),
        ("17.05.1980", "must not hold a date"),
        ("05-17-1980", "must not hold a date"),
        ("K-17.5.80", "must not hold a date"),
        ("19800517", "must not hold a date"),
        ("A17051980", "must not hold a date"),
        ("", "is made of letters"),
        ("Jürgen", "is made of letters"),
        ("-P1", "is made of letters"),
        ("P" * 33, "is made of letters"),
    ],
)
def test_a_code_that_could_identify_a_person_is_refused_in_one_sentence(code, because):
    with pytest.raises(UsageError, match=because) as refused:
        check_pseudonym(code)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("code", ["P-017", "K12", "0001", "site2.client_14", "12345678", "A-2026-13-40"])
def test_a_pseudonym_is_taken(code):
    assert check_pseudonym(code) == code


@given(
    st.dates(date(1900, 1, 1), date(2030, 1, 1)),
    st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%Y%m%d", "%d%m%Y"]),
)
def test_no_date_is_a_code(day, form):
    with pytest.raises(UsageError):
        check_pseudonym(day.strftime(form))


def test_a_client_comes_back_as_it_was_given(store):
    preferences = Preferences(palette="harp-bells", unwanted=("bells",), register_range=(0.2, 0.6))
    added = store.clients.add(
        "P-1", preferences=preferences, volume_db=-12, cautions=["tinnitus"], goals=["sleep"]
    )
    assert (added.preferences, added.volume_db) == (preferences, -12.0)
    assert (added.cautions, added.goals) == (("tinnitus",), ("sleep",))
    assert store.clients.list() == (added,)


def test_what_is_not_given_stays_as_it_is(store, client):
    changed = store.clients.change(client, goals=["walk again"])
    assert changed.goals == ("walk again",)
    assert changed.cautions == ("tinnitus",)


def test_a_code_is_given_once(store, client):
    with pytest.raises(UsageError, match="there is a client P-017 already"):
        store.clients.add("P-017")


def test_a_client_that_is_not_there_is_said_in_one_line(store):
    with pytest.raises(UsageError, match="there is no client P-9; add one with biofeedback clients add P-9"):
        store.clients.get("P-9")


def test_a_volume_outside_its_range_is_refused(store, client):
    with pytest.raises(UsageError, match="from -40 to 0"):
        store.clients.change(client, volume_db=3.0)


def test_the_newest_consent_holds(store, client):
    store.clients.give_consent(client, version="2026-04", scopes=("storage",), keep_days=30)
    consent = store.clients.consent_of(client)
    assert (consent.version, consent.scopes, consent.keep_days) == ("2026-04", ("storage",), 30)


@pytest.mark.parametrize(
    ("given_", "because"),
    [
        ({"version": " "}, "which text was signed"),
        ({"version": "1", "scopes": ()}, "at least one of sessions, storage, research"),
        ({"version": "1", "scopes": ("everything",)}, "'everything' does not exist"),
        ({"version": "1", "keep_days": 0}, "give 1 or more"),
    ],
)
def test_a_consent_that_cannot_be_is_refused(store, client, given_, because):
    with pytest.raises(UsageError, match=because):
        store.clients.give_consent(client, **given_)
