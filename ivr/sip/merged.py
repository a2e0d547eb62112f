"""One request that arrives by two ways (RFC 3261, section 8.2.2.2): the second arrival is told 482."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ivr.clock import TimerHandle
    from ivr.sip.core import Core
    from ivr.sip.message import Request

Key = tuple[str, str, int, str]

_MOST = 10_000


class Merged:
    """The requests of the last 64*T1, by what they keep on every way: From tag, Call-ID and CSeq."""

    __slots__ = ("_core", "_handle", "_seen")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._seen: OrderedDict[Key, float] = OrderedDict()
        self._handle: TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._seen)

    def again(self, request: Request) -> bool:
        """Whether this new transaction's request has come before, in another one."""
        return _key(request) in self._seen

    def remember(self, request: Request) -> None:
        """This request is being worked on. (One that was only challenged may come again as it is.)"""
        self._seen[_key(request)] = self._core.clock.time() + self._core.timers.whole
        if len(self._seen) > _MOST:
            self._seen.popitem(last=False)
        if self._handle is None:
            self._handle = self._core.after(self._core.timers.whole, self._forget)

    def close(self) -> None:
        """Forget all."""
        self._seen.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _forget(self) -> None:
        now = self._core.clock.time()
        while self._seen and next(iter(self._seen.values())) <= now:
            self._seen.popitem(last=False)
        self._handle = None
        if self._seen:
            self._handle = self._core.after(next(iter(self._seen.values())) - now, self._forget)


def _key(request: Request) -> Key:
    return (request.from_.tag, request.call_id, request.cseq, request.method)
