"""What the guard remembers of each source, in a table that cannot grow without end."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple


class Ban(NamedTuple):
    """A source was shut out: which, for what, and for how many seconds."""

    source: str
    why: str
    seconds: float


@lru_cache(maxsize=4_096)
def _host_key(host: str) -> tuple[str, bool]:
    """A source's name in the table, and whether it is this machine itself.

    An IPv6 customer holds a whole /64 and may speak from any address of it.
    """
    address = ip_address(host)
    if address.is_loopback or not isinstance(address, IPv6Address):
        return host, address.is_loopback
    prefix = IPv6Address(int(address) >> 64 << 64)
    return f"{prefix}/64", False


def source_key(host: str, port: int = 0) -> str:
    """By what a source is known: its address, its /64 (IPv6), or address and port on this machine itself."""
    key, loopback = _host_key(host)
    return f"{key}:{port}" if loopback and port else key


class Bucket:
    """A token bucket: `rate` tokens a second, `burst` at most."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float, cost: int = 1) -> bool:
        """So many tokens, if there are as many. `now` in seconds of a monotonic clock."""
        tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if tokens < cost:
            self._tokens = tokens
            return False
        self._tokens = tokens - cost
        return True


@dataclass(slots=True)
class Source:
    """What is known of one source; moments are seconds of the guard's clock."""

    key: str
    packets: Bucket
    calls: Bucket
    trusted: bool
    strikes: int = 0
    first_strike: float = 0.0
    banned_until: float = float("-inf")
    vouched_until: float = float("-inf")
    expected_until: float = float("-inf")

    def strike(self, weight: int, now: float, within: float) -> int:
        """Count, and tell how many strikes there are within the last `within` seconds."""
        if now - self.first_strike > within:
            self.strikes, self.first_strike = 0, now
        elif not self.strikes:
            self.first_strike = now
        self.strikes += weight
        return self.strikes

    def matters(self, now: float) -> bool:
        """Whether forgetting it would lose more than a count of packets."""
        return max(self.banned_until, self.vouched_until, self.expected_until) > now


class Sources:
    """The sources heard of last, `most` at most.

    Those that matter (shut out, or vouched for) have a table of their own of the same size, so that a flood
    of forged addresses does not wash them away.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: OrderedDict[str, Source] = OrderedDict()
        self._kept: OrderedDict[str, Source] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen) + len(self._kept)

    def find(self, key: str) -> Source | None:
        """What is known of a source."""
        source = self._seen.get(key)
        if source is not None:
            self._seen.move_to_end(key)
            return source
        return self._kept.get(key)

    def add(self, source: Source, now: float) -> None:
        """Remember a new source, in place of the one that was silent longest."""
        self._seen[source.key] = source
        if len(self._seen) > self._most:
            _, oldest = self._seen.popitem(last=False)
            if oldest.matters(now):
                self._keep(oldest)

    def forget(self, key: str) -> None:
        """Know nothing of a source (and of all its ports, on this machine itself)."""
        for table in (self._seen, self._kept):
            for found in [other for other in table if other == key or other.startswith(f"{key}:")]:
                del table[found]

    def banned(self, now: float) -> int:
        """How many are shut out."""
        return sum(
            source.banned_until > now for table in (self._seen, self._kept) for source in table.values()
        )

    def _keep(self, source: Source) -> None:
        self._kept[source.key] = source
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
