"""``biofeedback clients``, ``consent`` and ``retention``: whom sessions are with, what may be kept."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import click

from biofeedback.cli.options import (
    PREFERENCE_FIELDS,
    PreferenceOptions,
    clear_option,
    data_option,
    json_option,
    open_store,
    options,
    preference_options,
    print_json,
    print_lines,
    yes_option,
)
from biofeedback.errors import UsageError
from biofeedback.store.records import NEEDED, SCOPES, Client, Consent, Scope, counted
from generator.preferences import Preferences

code_argument = click.argument("code", metavar="CODE")
PROFILE_FIELDS = {"caution": "cautions", "goal": "goals", "volume-db": "volume_db"}
"""The field of `Client` that each option sets, beside those of `PREFERENCE_FIELDS`."""

EMPTY_PROFILE: dict[str, Any] = {"cautions": (), "goals": (), "volume_db": None}

client_option = click.option("--client", metavar="CODE", help="For this client only.")
scope_option = click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(get_args(Scope)),
    help="; ".join(f"{scope}: {says}" for scope, says in SCOPES.items()) + ". Repeat for more.",
)


profile_options = options(
    click.option(
        "--caution",
        "cautions",
        multiple=True,
        metavar="TEXT",
        help="Caution to go through before each session; repeat for more.",
    ),
    click.option(
        "--goal", "goals", multiple=True, metavar="TEXT", help="Goal of the sessions; repeat for more."
    ),
    click.option("--volume-db", type=float, help="Level last found comfortable, -40 to 0 dB."),
    preference_options,
)
"""The options that describe a client: cautions, goals, comfortable volume and preferences."""


@click.group()
def clients() -> None:
    """Keep clients by pseudonyms, with what they like to hear, cautions and goals.

    A client's code must not identify a person; who is behind it belongs on paper, apart from this computer.
    """


@clients.command()
@code_argument
@profile_options
@data_option
def add(code: str, preferences: PreferenceOptions, data: Path | None, **profile: Any) -> None:
    """Add a client."""
    likes = preferences.applied_to(Preferences())
    with open_store(data) as store:
        store.clients.add(code, preferences=likes, **profile)
    click.echo(f"client {code} was added; write a consent down with biofeedback consent give {code}")


@clients.command("list")
@json_option
@data_option
def list_(data: Path | None, *, as_json: bool) -> None:
    """List all clients."""
    with open_store(data) as store:
        found = [(overview.client, overview.consent) for overview in store.clients.overviews()]
    if as_json:
        print_json([_as_dict(*pair) for pair in found])
        return
    lines = [
        f"{client.code:<20} since {client.created_at[:10]}  {_in_words(consent)}" for client, consent in found
    ]
    print_lines(lines, none="none yet; add one with: biofeedback clients add CODE")


@clients.command()
@code_argument
@data_option
def show(code: str, data: Path | None) -> None:
    """Print all that is known of a client, as JSON."""
    with open_store(data) as store:
        known = _as_dict(store.clients.get(code), store.clients.consent_of(code))
        known["sessions"] = [session.id for session in store.sessions.list(client=code)]
    print_json(known)


@clients.command()
@code_argument
@profile_options
@clear_option({**PREFERENCE_FIELDS, **PROFILE_FIELDS}, "Empty this field")
@data_option
def change(
    code: str, preferences: PreferenceOptions, cleared: tuple[str, ...], data: Path | None, **profile: Any
) -> None:
    """Change the fields that are given; every other field stays.

    --without, --caution and --goal replace the whole list.
    """
    given = {name: value for name, value in profile.items() if value not in (None, ())}
    for option, name in PROFILE_FIELDS.items():
        if name in cleared and name in given:
            raise UsageError(f"give --{option} or --clear {option}, not both")
    emptied = {name: EMPTY_PROFILE[name] for name in PROFILE_FIELDS.values() if name in cleared}
    likes = preferences.cleared(tuple(name for name in cleared if name not in EMPTY_PROFILE))
    with open_store(data) as store:
        store.clients.change(code, preferences=likes.applied_to, **given, **emptied)
    click.echo(f"client {code} was changed")


@clients.command()
@code_argument
@yes_option
@data_option
def delete(code: str, data: Path | None, *, yes: bool) -> None:
    """Delete a client with all sessions, consents and rules, for good."""
    with open_store(data) as store:
        count = len(store.sessions.list(client=store.clients.get(code).code))
        if not yes:
            click.echo(
                f"client {code} and {counted(count, 'session')} would be deleted for good; add --yes to do it"
            )
            return
        count = store.retention.delete_client(code)
    click.echo(f"client {code} and {counted(count, 'session')} were deleted; back-ups are not touched")


@click.group()
def consent() -> None:
    """Record what clients consent to, and withdraw it with all that follows."""


@consent.command()
@code_argument
@click.option("--version", required=True, help="Version of the text that was signed, such as 2026-03.")
@scope_option
@click.option(
    "--keep-days", type=click.IntRange(1), metavar="DAYS", help="Days for which recordings may be kept."
)
@data_option
def give(
    code: str, version: str, scopes: tuple[Scope, ...], keep_days: int | None, data: Path | None
) -> None:
    """Record a consent; it replaces the client's earlier one.

    Without --scope, it is a consent to sessions and storage.
    """
    with open_store(data) as store:
        store.clients.give_consent(code, version=version, scopes=scopes or NEEDED, keep_days=keep_days)
        click.echo(f"client {code}: {_in_words(store.clients.consent_of(code))}")


@consent.command("show")
@code_argument
@data_option
def show_consent(code: str, data: Path | None) -> None:
    """Print what a client has consented to."""
    with open_store(data) as store:
        click.echo(f"client {code}: {_in_words(store.clients.consent_of(code))}")


@consent.command()
@code_argument
@scope_option
@yes_option
@data_option
def withdraw(code: str, scopes: tuple[Scope, ...], data: Path | None, *, yes: bool) -> None:
    """Withdraw consent, and delete what may no longer be kept.

    Withdrawing storage deletes the client's sessions; withdrawing sessions or research deletes nothing.
    Without --scope, the whole consent is withdrawn.
    """
    with open_store(data) as store:
        agreed = store.clients.consent_of(code)
        asked = scopes or (agreed.scopes if agreed else ())
        for sentence in store.retention.what_withdrawal_does(code, asked):
            click.echo(sentence)
        if not yes:
            click.echo("nothing was done yet; add --yes to do it")
            return
        for sentence in store.retention.withdraw_consent(code, asked):
            click.echo(f"done: {sentence}")


@click.group()
def retention() -> None:
    """Set how long sessions are kept, and delete those that were kept longer."""


@retention.command("set")
@click.argument("days", type=click.IntRange(1))
@client_option
@data_option
def set_(days: int, client: str | None, data: Path | None) -> None:
    """Keep sessions for DAYS from their start; what a client's consent says takes precedence."""
    with open_store(data) as store:
        store.retention.set_rule(days, client)
    click.echo(f"sessions of {_whose(client)} are kept for {counted(days, 'day')}")


@retention.command()
@client_option
@data_option
def remove(client: str | None, data: Path | None) -> None:
    """Remove a rule."""
    with open_store(data) as store:
        store.retention.set_rule(None, client)
    click.echo(f"the rule for {_whose(client)} was removed")


@retention.command("list")
@data_option
def list_rules(data: Path | None) -> None:
    """List the rules."""
    with open_store(data) as store:
        rules = store.retention.rules()
    lines = [f"{_whose(rule.client):<20} {counted(rule.days, 'day')}" for rule in rules]
    print_lines(lines, none="no rules: sessions are kept until they are deleted")


@retention.command()
@click.option("--dry-run", is_flag=True, help="List what would be deleted; delete nothing.")
@data_option
def apply(data: Path | None, *, dry_run: bool) -> None:
    """Delete the sessions that have been kept as long as they may be."""
    with open_store(data) as store:
        past = store.retention.past() if dry_run else store.retention.apply()
    for session in past:
        click.echo(f"{session.id}  {session.begun_at[:10]}  {'would be' if dry_run else 'was'} deleted")
    click.echo(f"{'would be deleted' if dry_run else 'deleted'}: {counted(len(past), 'session')}")


def _whose(client: str | None) -> str:
    return "everybody" if client is None else f"client {client}"


def _in_words(consent: Consent | None) -> str:
    if consent is None:
        return "no consent"
    holds = ", ".join(consent.scopes) or "nothing any more"
    words = f"consent {consent.version} of {consent.given_at[:10]} to {holds}"
    withdrawn = ", ".join(f"{scope} on {at[:10]}" for scope, at in consent.withdrawn.items())
    if withdrawn:
        words += f"; withdrawn: {withdrawn}"
    return words if consent.keep_days is None else f"{words}; to be kept for {consent.keep_days} days"


def _as_dict(client: Client, consent: Consent | None) -> dict[str, object]:
    return {**asdict(client), "consent": consent and asdict(consent)}
