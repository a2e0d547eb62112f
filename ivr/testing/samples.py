"""Random values of flow types, and services that answer with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from ivr.flow.instructions import RunService, Transfer
from ivr.flow.manifest import Manifest, ServiceSignature
from ivr.flow.outcomes import FIXED_OUTCOMES
from ivr.flow.values import Money, Secret, Type, Value
from ivr.testing.world import Answer, TransferAnswer

_ZONE = ZoneInfo("Asia/Shanghai")
_MIDDLE = date(2026, 3, 5)


def sample(kind: Type, random: Random, prompts: Sequence[str] = ("prompt",)) -> Value:
    """A random value of a type: small and large, past and future; an optional one is null now and then."""
    if kind.optional and random.random() < 0.3:
        return None
    if kind.name == "record":
        return {name: sample(inner, random, prompts) for name, inner in kind.fields.items()}
    if kind.name == "list":
        item = kind.item
        return [] if item is None else [sample(item, random, prompts) for _ in range(random.randrange(4))]
    if kind.words:
        return random.choice(kind.words)
    if kind.name == "prompt":
        return random.choice(prompts)
    return _SAMPLERS[kind.name](random)


def _moment(random: Random) -> datetime:
    return datetime(2026, 3, 5, 12, tzinfo=_ZONE) + timedelta(minutes=random.randrange(-100_000, 100_000))


_SAMPLERS: Mapping[str, Callable[[Random], Value]] = {
    "text": lambda random: random.choice(["", "text", "一段文字"]),
    "digits": lambda random: str(random.randrange(10_000_000, 99_999_999)),
    "code": lambda random: random.choice(["one", "other"]),
    "integer": lambda random: random.choice([0, 1, 2, 10, 31, 120]),
    "decimal": lambda random: Decimal(random.randrange(1000)) / 100,
    "money": lambda random: Money(Decimal(random.choice(["0.00", "80.00", "3200.00", "1234567.89"]))),
    "date": lambda random: _MIDDLE + timedelta(days=random.randrange(-400, 400)),
    "time": lambda random: time(random.randrange(24), random.randrange(60)),
    "datetime": _moment,
    "duration": lambda random: timedelta(seconds=random.randrange(1, 100_000)),
    "boolean": lambda random: random.random() < 0.5,
    "secret": lambda random: Secret(str(random.randrange(100_000, 999_999))),
    "recording": lambda random: f"r{random.randrange(100)}",
}


class RandomServices:
    """Services that do anything their signatures allow: any outcome, any value, slowly, or not at all.

    `answered` keeps what was answered, so that a call can be told again.
    """

    def __init__(self, manifest: Manifest, random: Random) -> None:
        self._services = manifest.services
        self._prompts = sorted(manifest.prompts) or ["prompt"]
        self._random = random
        self.answered: dict[str, list[Answer]] = {}

    def answer(self, request: RunService) -> Answer:
        """The next answer."""
        answer = self._invent(self._services[request.service], request.timeout)
        self.answered.setdefault(request.service, []).append(answer)
        return answer

    def _invent(self, service: ServiceSignature, timeout: float) -> Answer:
        random = self._random
        chance = random.random()
        if chance < 0.04:
            return Answer("error", None, random.uniform(0.01, 1.0), "BROKEN")
        after = timeout + 1 if chance < 0.08 else random.uniform(0.7, timeout) if chance < 0.2 else 0.05
        outcomes = list(service.outcomes)
        # The first outcome is the one that leads on into the flows.
        outcome = outcomes[0] if random.random() < 0.6 else random.choice(outcomes)
        kind = service.outcomes[outcome]
        value = None if kind is None else sample(kind, random, self._prompts)
        return Answer(outcome, value, round(after, 3))


class RandomTransfers:
    """People who answer, or not. `answered` keeps how, by queue."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.answered: dict[str, list[str]] = {}

    def __call__(self, transfer: Transfer) -> TransferAnswer:
        """The end of the next transfer."""
        outcome = self._random.choice(["answered", *FIXED_OUTCOMES["transfer"]])
        self.answered.setdefault(transfer.queue, []).append(outcome)
        return TransferAnswer(outcome, transfer.timeout if outcome == "timeout" else TransferAnswer().after)
