"""Protocols, of which a version once used stays as it is, and set-ups."""

import pytest

from biofeedback.errors import UsageError
from protocols.errors import InvalidProtocolError
from protocols.loading import library, load, parse
from protocols.schema import protocol_sha256

TEXT = """\
id: quiet
version: 3
title: Quiet
rationale: rest
sources: [none]
arm: open-loop
cautions: [none]
phases:
  - {kind: silence, name: silence, duration_s: 60}
"""


def with_title(title):
    return TEXT.replace("title: Quiet", f"title: {title}")


def use(store, client, text):
    protocol = parse(text.encode(), "quiet.yaml")
    return store.sessions.begin(store.sessions.new_directory("quiet"), client=client, protocol=protocol)


def test_a_protocol_is_kept_as_it_was_written(store):
    saved = store.protocol_versions.save(TEXT)
    assert (saved.name, saved.version, saved.text, saved.used_at) == ("quiet", 3, TEXT, None)
    assert saved.sha256 == protocol_sha256(parse(TEXT.encode(), "x"))
    assert store.protocol_versions.get("quiet") == store.protocol_versions.get("quiet", 3) == saved


def test_an_unused_version_can_be_written_anew(store):
    store.protocol_versions.save(TEXT)
    assert store.protocol_versions.save(with_title("Quieter")).title == "Quieter"
    assert len(store.protocol_versions.list()) == 1


def test_a_used_version_cannot_be_saved_with_another_text(store, client):
    store.protocol_versions.save(TEXT)
    use(store, client, TEXT)
    with pytest.raises(UsageError, match="quiet, version 3, was used before with another content"):
        store.protocol_versions.save(with_title("Quieter"))
    assert store.protocol_versions.get("quiet").text == TEXT
    newer = store.protocol_versions.save(with_title("Quieter").replace("version: 3", "version: 4"))
    assert [kept.version for kept in store.protocol_versions.list()] == [4, 3]
    assert store.protocol_versions.get("quiet") == newer


def test_a_used_version_cannot_be_used_with_another_content(store, client):
    use(store, client, TEXT)
    with pytest.raises(UsageError, match="was used before with another content"):
        use(store, client, with_title("Quieter"))
    use(store, client, "# a comment changes nothing\n" + TEXT)
    assert len(store.sessions.list()) == 2


@pytest.mark.parametrize("name", library())
def test_a_protocol_without_text_is_written_out_so_that_it_reads_the_same(store, client, name):
    protocol = load(name)
    store.sessions.begin(store.sessions.new_directory(name), client=client, protocol=protocol)
    assert parse(store.protocol_versions.get(name).text.encode(), name) == protocol


def test_what_is_no_protocol_is_refused(store):
    with pytest.raises(InvalidProtocolError):
        store.protocol_versions.save("id: half")
    assert store.protocol_versions.list() == ()


def test_a_set_up_takes_the_place_of_one_of_its_name(store):
    store.setups.save("room-1", "title: Old\ninputs: [ecg=lsl:name=Polar]\n")
    store.setups.save("room-1", "title: New\ninputs: [ecg=lsl:name=Polar]\n")
    assert [(kept.name, kept.title) for kept in store.setups.list()] == [("room-1", "New")]
    with pytest.raises(UsageError, match="inputs"):
        store.setups.save("room-2", "title: No inputs\n")
    with pytest.raises(UsageError, match="there are: room-1"):
        store.setups.get("room-2")
