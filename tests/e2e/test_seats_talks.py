"""Seats, callers and supervisors on real sockets: who hears whom is told by their tones."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from seat_house import House, came, eventually, hear, house, speaks, voices
from sip_caller import OutsideCall
from wire_kit import hears, spoken

from policy_db.seat_facts import Queue

pytestmark = pytest.mark.sip


@pytest.fixture(autouse=True)
def unfrozen() -> AsyncIterator[None]:
    """The worker makes its process punctual; this one is only lent."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[tuple[House, OutsideCall, OutsideCall, str]]:
    """A caller talks with ann; bob and boss are signed in, and everybody has a voice."""
    async with house(tmp_path) as place:
        ann = await place.seat("ann")
        caller, chosen = await place.asks(await place.phone())
        at_ann = await came(ann)
        print(f"choice to ring {at_ann.requests[0].at - chosen:.2f} s")  # noqa: T201  # a figure for people
        speaks(caller, "caller", 120)
        speaks(at_ann, "ann", 120)
        await hear([(caller, {"ann"}), (at_ann, {"caller"})])
        yield place, caller, at_ann, await place.call_at("ann")


async def test_consult_then_warm_transfer_three_way_and_listening(talk) -> None:
    place, caller, at_ann, call_id = talk
    bob, boss = await place.seat("bob"), await place.seat("boss")

    await place.ask(call_id, "consult", "ann", to="bob")
    at_bob = await came(bob)
    speaks(at_bob, "bob", 120)
    await hear([(at_ann, {"bob"}), (at_bob, {"ann"}), (caller, set())])
    assert any(packet.loud for packet in caller.heard[-200:]), "the caller hears music"

    await place.ask(call_id, "conference", "ann")
    await hear([(caller, {"ann", "bob"}), (at_ann, {"caller", "bob"}), (at_bob, {"caller", "ann"})])

    await place.ask(call_id, "listen", "boss")
    at_boss = await came(boss)
    speaks(at_boss, "boss", 120)
    three = {"caller", "ann", "bob"}
    await hear(
        [(at_boss, three), (caller, three - {"caller"}), (at_ann, three - {"ann"}), (at_bob, three - {"bob"})]
    )
    await place.ask(call_id, "whisper", "boss")
    await hear([(at_ann, {"caller", "bob", "boss"}), (caller, {"ann", "bob"}), (at_bob, {"caller", "ann"})])

    await place.ask(call_id, "leave", "ann")
    async with asyncio.timeout(5):
        await at_ann.ended.wait()
    await hear([(caller, {"bob"}), (at_bob, {"caller", "boss"})])
    await at_bob.hang_up()
    async with asyncio.timeout(10):
        await at_boss.ended.wait()
    await caller.hang_up()
    await eventually(lambda: _free(place, "ann", "bob", "boss"), "all seats are free")


async def test_hold_then_self_service_and_back(talk) -> None:
    place, caller, at_ann, call_id = talk
    await place.ask(call_id, "hold", "ann")
    await hear([(caller, set()), (at_ann, set())])
    assert any(packet.loud for packet in caller.heard[-200:]), "the caller hears music"
    await place.ask(call_id, "unhold", "ann")
    await hear([(caller, {"ann"}), (at_ann, {"caller"})])

    await place.ask(call_id, "retrieve", "ann", why="PIN")
    await hears(caller, spoken("ask_policy_no")[:12000])
    assert voices(at_ann) == set()
    assert any(packet.loud for packet in at_ann.heard[-200:]), "the seat hears music"
    await caller.press("*")  # gives up: back to the person all the same
    await caller.press("2")
    await hear([(caller, {"ann"}), (at_ann, {"caller"})])
    assert await place.call_at("ann") == call_id
    await caller.hang_up()
    await eventually(lambda: _free(place, "ann"), "the seat is free")
    kinds = await eventually(lambda: _ended(place, call_id), "the record is closed")
    for kind in (
        "queue_joined",
        "seat_ringing",
        "talk_joined",
        "talk_held",
        "returned",
        "caller_back",
        "talk_ended",
    ):
        assert kind in kinds, kind


async def _free(place: House, *seats: str) -> bool:
    return all([await place.state(seat) in ("ready", "wrap_up") for seat in seats])


async def _ended(place: House, call_id: str) -> list[str] | None:
    kinds = await place.timeline(call_id)
    return kinds if "talk_ended" in kinds else None


async def test_two_seats_serve_five_callers_who_come_at_once(tmp_path: Path) -> None:
    async with house(tmp_path, queue=Queue("service", wrap_up_seconds=0, call_back=False)) as place:
        seats = {name: await place.seat(name) for name in ("ann", "bob")}
        callers = [(await place.asks(await place.phone()))[0] for _ in range(5)]
        for call in callers:
            speaks(call, "caller", 120)
        served: list[OutsideCall] = []

        async def serve(name: str) -> None:
            number = 0
            while len(served) < 5:
                number += 1
                at_seat = await came(seats[name], number, 40)
                speaks(at_seat, name, 60)
                await hear([(at_seat, {"caller"})])
                mine = [call for call in callers if call not in served and voices(call) == {name}]
                assert len(mine) == 1, f"{name} is heard by {len(mine)} callers"
                served.append(mine[0])
                await at_seat.hang_up()
                await mine[0].hang_up()

        tasks = [asyncio.create_task(serve(name)) for name in seats]
        async with asyncio.timeout(90):
            while len(served) < 5:
                await asyncio.sleep(0.1)
                for task in tasks:
                    if task.done() and task.exception() is not None:
                        raise task.exception()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await eventually(lambda: _free(place, "ann", "bob"), "both are free")
        assert await place.calls() == ()


async def test_a_caller_keeps_the_place_by_key_and_is_rung(tmp_path: Path) -> None:
    async with house(tmp_path, call_back_numbers=r"sip:[a-z0-9@.:]+|\d+") as place:
        ann = await place.seat("ann")
        first, _ = await place.asks(await place.phone())
        at_ann = await came(ann)
        speaks(at_ann, "ann", 60)
        await hear([(first, {"ann"})])
        waiting, _ = await place.asks(await place.phone())
        await hears(waiting, spoken("waiting.position", position=1))
        await waiting.press("2")
        await hears(waiting, spoken("waiting.call_right"))
        await waiting.press("1")
        await hears(waiting, spoken("waiting.kept"))
        async with asyncio.timeout(10):
            await waiting.ended.wait()
        (kept,) = [call for call in await place.calls() if call.state == "callback"]
        at_home = await place.phone()
        host, port = at_home.address
        await _dial_there(place, kept.call_id, f"sip:home@{host}:{port}")
        await at_ann.hang_up()
        await first.hang_up()

        again = await came(ann, 2, 40)
        called_back = await came(at_home, 1, 20)
        await hears(called_back, spoken("call_back.greeting"))
        speaks(again, "ann", 30)
        speaks(called_back, "caller", 30)
        await hear([(again, {"caller"}), (called_back, {"ann"})])
        await called_back.hang_up()
        await eventually(lambda: _free(place, "ann"), "the seat is free")
        record = await place.database.calls.find(f"{kept.call_id}-r1")
        assert record is not None


async def _dial_there(place: House, call_id: str, address: str) -> None:
    """The number that the test's caller has is no telephone: let the hotline dial one that is."""
    from sqlalchemy import text

    async with place.database.store.writing() as connection:
        await connection.execute(
            text("update waiting_calls set call_back_to = :address where call_id = :call"),
            {"address": address, "call": call_id},
        )


async def test_a_caller_leaves_a_message_by_key(tmp_path: Path) -> None:
    async with house(tmp_path) as place:
        ann = await place.seat("ann")
        first, _ = await place.asks(await place.phone())
        await came(ann)
        waiting, _ = await place.asks(await place.phone())
        await hears(waiting, spoken("waiting.position", position=1))
        await waiting.press("1")
        await hears(waiting, spoken("message_prompt")[:16000])
        await waiting.hang_up()
        await first.hang_up()
        await eventually(lambda: _free(place, "ann"), "the seat is free")
