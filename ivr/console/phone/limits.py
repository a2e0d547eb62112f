"""How often one address may call from the dial page."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

#: Calls of one address at once, and in a minute: an office behind one address must fit, a flood must not.
MOST_AT_ONCE: Final = 6
MOST_A_MINUTE: Final = 20
#: Addresses that are remembered; beyond, the one that called longest ago is forgotten.
_MOST_ADDRESSES: Final = 10_000
_MINUTE: Final = 60.0


@dataclass(slots=True)
class _Calls:
    now: int = 0
    begun: deque[float] = field(default_factory=deque)


class TooManyCallsError(Exception):
    """The address has called too often."""


class CallLimits:
    """Counts the calls of each address; `time` gives seconds that only go forward."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._addresses: OrderedDict[str, _Calls] = OrderedDict()

    @contextmanager
    def call(self, address: str) -> Iterator[None]:
        """One call of an address, for the length of the block. Raises TooManyCallsError."""
        name = _network(address)
        calls = self._addresses.setdefault(name, _Calls())
        self._addresses.move_to_end(name)
        now = self._time()
        while calls.begun and calls.begun[0] <= now - _MINUTE:
            calls.begun.popleft()
        if calls.now >= MOST_AT_ONCE or len(calls.begun) >= MOST_A_MINUTE:
            raise TooManyCallsError
        calls.begun.append(now)
        calls.now += 1
        self._forget()
        try:
            yield
        finally:
            calls.now -= 1

    def _forget(self) -> None:
        while len(self._addresses) > _MOST_ADDRESSES:
            self._addresses.popitem(last=False)


def _network(address: str) -> str:
    """The address, of IPv6 its /64: one customer has all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
