"""Orders of requests, and how long a request waits for the answer."""

from __future__ import annotations

import asyncio

from biofeedback.commands import Answer, EmergencyStop, Origin
from biofeedback.service.host import Host
from biofeedback.service.orders import Ordered

ANSWER_S = 2.0
"""How long a request waits for the answer to its order; the order stays."""

SILENCE_S = 0.5
"""The same for an emergency stop, which has acted before it is answered."""


async def answer_of(host: Host, ordered: Ordered, *, origin: Origin) -> Answer | None:
    """Return the answer to an order, None if there is none in time."""
    urgent = isinstance(ordered.command, EmergencyStop)
    promise = await asyncio.to_thread(host.order, ordered, origin=origin)
    waiting = asyncio.shield(asyncio.wrap_future(promise))
    try:
        return await asyncio.wait_for(waiting, SILENCE_S if urgent else ANSWER_S)
    except TimeoutError:
        return Answer(True, "The music is silenced at once.") if urgent else None
