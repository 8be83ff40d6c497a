"""The sections of the music leave with a session: as a table, and as events of BIDS and EDF."""

from dataclasses import replace

import edfio
import pandas as pd
import pytest

from biofeedback.exports.export import export


@pytest.fixture(scope="module")
def with_form(recorded, tmp_path_factory):
    piece = replace(recorded.piece, form="full")
    return recorded.record(tmp_path_factory.mktemp("form") / "session", piece=piece, sound=False)


def test_what_the_form_added_is_a_table(with_form, order):
    folder = export([with_form], order("csv")).folder / "sub-001" / "ses-001"
    form = pd.read_csv(folder / "form.csv")
    assert form["time_s"].tolist() == [31.0, 35.0]
    assert form["section"].tolist() == [0, 1]
    assert form["added_level_db"].tolist() == [0.0, -2.0]
    readme = (folder.parents[1] / "README.md").read_text(encoding="utf-8")
    assert "what the form adds to the density asked for" in readme


def test_sections_are_events(with_form, order):
    folder = export([with_form], order("bids", "edf")).folder
    (path,) = folder.rglob("*_events.tsv")
    events = pd.read_csv(path, sep="\t")
    sections = events[events["trial_type"] == "section"]
    assert sections[["onset", "duration", "name"]].to_numpy().tolist() == [
        [31.0, 4.0, "statement"],
        [35.0, 4.0, "contrast"],
    ]
    (path,) = folder.rglob("*.edf")
    told = [(each.onset, each.duration, each.text) for each in edfio.read_edf(path).annotations]
    assert (31.0, 4.0, "section statement: number 1") in told
    assert (35.0, 4.0, "section contrast: number 2") in told


def test_music_without_a_form_has_no_such_events(session_directory, order):
    folder = export([session_directory], order("bids")).folder
    (path,) = folder.rglob("*_events.tsv")
    assert "section" not in set(pd.read_csv(path, sep="\t")["trial_type"])
