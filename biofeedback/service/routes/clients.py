"""Endpoints of clients and their consent."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from biofeedback.commands import StrictModel
from biofeedback.service.requests import PreferencesRequest
from biofeedback.service.schemas import ClientView, ConsentView, Withdrawal
from biofeedback.store.records import NEEDED, ClientOverview, Scope
from biofeedback.store.store import Store
from generator.preferences import Preferences
from generator.state import VOLUME_RANGE_DB

Line = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
Lines = Annotated[list[Line], Field(max_length=50)]
Db = Annotated[float, Field(ge=VOLUME_RANGE_DB[0], le=VOLUME_RANGE_DB[1])]


class ChangedClient(StrictModel):
    """Fields of a client to change: one that is left out stays, null clears it."""

    preferences: PreferencesRequest | None = None
    volume_db: Db | None = None
    cautions: Lines | None = None
    goals: Lines | None = None

    def changes(self) -> dict[str, Any]:
        """Return the fields that were given, as `ClientRepository.change` takes them."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if "preferences" in given:
            liked = given["preferences"]
            given["preferences"] = (lambda _: Preferences()) if liked is None else liked.applied_to
        return {name: () if value is None and name != "volume_db" else value for name, value in given.items()}


class NewClient(ChangedClient):
    """A client to add."""

    code: Annotated[str, Field(min_length=1, max_length=64)]
    cautions: Lines = Field(default=[])
    goals: Lines = Field(default=[])


class NewConsent(StrictModel):
    """A consent of a client."""

    version: Annotated[str, Field(min_length=1, max_length=64, pattern=r"\S")]
    scopes: list[Scope] = Field(default=list(NEEDED))
    keep_days: int | None = Field(default=None, ge=1, le=36_500)


class Withdrawn(StrictModel):
    """Scopes that a client withdraws, and whether that is carried out."""

    scopes: list[Scope] = Field(min_length=1)
    carry_out: bool = False


def clients_router(store: Store) -> APIRouter:
    """Return the endpoints."""
    router = APIRouter(prefix="/clients", tags=["clients"])

    def view(overview: ClientOverview) -> ClientView:
        client, consent = overview.client, overview.consent
        return ClientView(
            code=client.code,
            preferences=PreferencesRequest.of(client.preferences),
            volume_db=client.volume_db,
            cautions=client.cautions,
            goals=client.goals,
            consent=ConsentView.model_validate(consent) if consent and consent.scopes else None,
            sessions=overview.sessions,
        )

    def one(code: str) -> ClientView:
        return view(store.clients.overviews(code)[0])

    @router.get("")
    def clients() -> tuple[ClientView, ...]:
        """Return all clients, by code."""
        return tuple(view(overview) for overview in store.clients.overviews())

    @router.post("", status_code=201)
    def add_client(body: NewClient) -> ClientView:
        """Add a client under a pseudonym."""
        likes = body.preferences or PreferencesRequest()
        store.clients.add(
            body.code,
            preferences=likes.applied_to(Preferences()),
            volume_db=body.volume_db,
            cautions=body.cautions,
            goals=body.goals,
        )
        return one(body.code)

    @router.get("/{code}")
    def client(code: str) -> ClientView:
        """Return a client."""
        return one(code)

    @router.patch("/{code}")
    def change_client(code: str, body: ChangedClient) -> ClientView:
        """Change the fields that are given."""
        store.clients.change(code, **body.changes())
        return one(code)

    @router.post("/{code}/consents", status_code=201)
    def give_consent(code: str, body: NewConsent) -> ClientView:
        """Record a client's consent, in place of the one before."""
        store.clients.give_consent(code, version=body.version, scopes=body.scopes, keep_days=body.keep_days)
        return one(code)

    @router.post("/{code}/consents/withdrawal")
    def withdraw_consent(code: str, body: Withdrawn) -> Withdrawal:
        """Withdraw consent, or only say what that would do: without ``storage`` recordings are deleted."""
        if not body.carry_out:
            return Withdrawal(done=False, sentences=store.retention.what_withdrawal_does(code, body.scopes))
        return Withdrawal(done=True, sentences=store.retention.withdraw_consent(code, body.scopes))

    return router
