"""What a call tells whoever suggests something to its caller, in its order."""

from __future__ import annotations

from call_kit import PIN, House

from ivr.lines.script import HangUp, Keys, WaitFor
from ivr.services.suggesting import NoSuggestions


class Listener(NoSuggestions):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def known(self, journey) -> None:
        self.told.append(("known", journey.policy, journey.level, journey.language))

    def on_the_way(self, journey, request) -> None:
        self.told.append(("on the way", request.queue, tuple(journey.visited)))

    def came_back(self, call_id, outcome) -> None:
        self.told.append(("came back", call_id, outcome))

    async def over(self, call_id) -> None:
        self.told.append(("over", call_id))


async def test_a_verified_caller_is_known_at_once_and_the_way_to_a_person_is_followed(house: House) -> None:
    listener = Listener()
    house.change(advice=listener)
    await house.call(
        WaitFor("menu"), Keys("1"), WaitFor("ask_pin"), Keys(PIN), WaitFor("verified"),
        WaitFor("menu"), Keys("4"), WaitFor("closed"), HangUp(), number="13900001111",
    )  # fmt: skip

    assert listener.told == [
        ("known", "86001234", 2, "en"),
        ("on the way", "service", ("main",)),
        ("came back", "call-1", "closed"),
        ("over", "call-1"),
    ]


async def test_a_caller_who_proves_nothing_is_not_known(house: House) -> None:
    listener = Listener()
    house.change(advice=listener)
    await house.call(
        WaitFor("menu"), Keys("1"), WaitFor("ask_pin"), Keys("111111"), WaitFor("refused"), HangUp()
    )

    assert listener.told == [("over", "call-1")]
