"""From one seat to another: advice, handing over, conference, listening, and the way to self-service and back."""

from __future__ import annotations

from ivr.seats import plans, plans_transfer
from ivr.seats.changes import Changes, Result
from ivr.seats.choose import may_serve


class Handing(Changes):
    """What a seat does with the call it has. A seat asked for advice answers or misses as any other."""

    async def consult(self, call: str, seat: str, *, who: str = "") -> Result:
        """Ring a ready seat for advice, while the caller stays with the seat that asks."""
        return await self._change(plans_transfer.consult, call=call, seat=seat, who=who or "system")

    async def complete(self, call: str, seat: str, *, who: str = "") -> Result:
        """The seat that was asked takes the caller; the one that asked is free (warm transfer)."""
        return await self._change(
            lambda scene, by: plans_transfer.complete(scene, seat, by), call=call, who=who or "system"
        )

    async def conference(self, call: str, seat: str, *, who: str = "") -> Result:
        """The seat that was asked joins seat and caller."""
        return await self._change(
            lambda scene, by: plans_transfer.conference(scene, seat, by), call=call, who=who or "system"
        )

    async def supervise(self, call: str, seat: str, *, who: str = "") -> Result:
        """Ring a seat that listens to the call of another, and perhaps speaks; it may be paused meanwhile."""
        return await self._change(plans_transfer.supervise, call=call, seat=seat, who=who or "system")

    async def park(self, call: str, *, who: str = "") -> Result:
        """The caller goes to self-service for a moment; the seat waits for them."""
        return await self._change(plans_transfer.park, call=call, who=who or "system")

    async def unpark(self, call: str, *, policy: str = "") -> Result:
        """The caller is back at the seat that waited, having proved to hold `policy` if any is given."""
        return await self._change(
            lambda scene, by: plans_transfer.unpark(scene, policy, by), call=call, who="caller"
        )

    async def seat_lost(self, call: str, seat: str) -> Result:
        """The line to the seat that serves has broken; others in a conference go on, else the caller waits first."""
        return await self._change(lambda scene, by: plans.seat_lost(scene, seat, by), call=call, who="system")

    async def somebody_else(self, call: str, *, than: str) -> bool:
        """Whether a seat other than `than` serves a waiting call's queue, now or in a moment."""
        snapshot = await self.store.snapshot()
        found = next((one for one in snapshot.calls if one.call_id == call), None)
        if found is None:
            return False
        queue = snapshot.queues[found.queue]
        return any(may_serve(found, queue, seat) for seat in snapshot.seats if seat.id != than)

    async def drop(self, call: str, seat: str) -> Result:
        """A seat leaves a call that others go on with; the only one that serves cannot (`last`): use `ended`."""
        return await self._change(
            lambda scene, by: plans_transfer.drop(scene, seat, by), call=call, who=f"seat:{seat}"
        )

    async def hand_over(self, call: str, *, seat: str = "", queue: str = "", who: str = "") -> Result:
        """Send the caller on, to a ready seat that rings or to a queue (blind transfer).

        In the queue they stand where they would had they waited there from the beginning.
        """
        if seat:
            return await self._change(plans_transfer.to_seat, call=call, seat=seat, who=who or "system")
        to = (await self.store.snapshot()).queues.get(queue)
        if to is None:
            return Result(False, "unknown")
        new_id = self._ids()
        return await self._change(
            lambda scene, by: plans.to_queue(scene, to, new_id, by), call=call, who=who or "system"
        )
