"""Being known to a registrar: REGISTER, refreshed before it expires, and tried again when it fails.

RFC 3261, section 10.2; waits after failures as in RFC 5626, section 4.5. Credentials are answered here and not
by whoever sends, so that one challenge serves many refreshes (RFC 7616, section 3.4: its nonce count goes up).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from ivr.sip.dialog import Draft
from ivr.sip.digest import Credentials, answer, is_stale
from ivr.sip.uri import NameAddr, SipSyntaxError, Uri, readable

if TYPE_CHECKING:
    from ivr.clock import Clock, TimerHandle
    from ivr.sip.message import Response

#: `registering`: for the first time since `start`; `registered`: also while it is refreshed; `waiting`: it failed
#: and is tried again by itself; `refused`: likewise, but somebody should look at it; `leaving`: the registrar is
#: asked to forget us.
RegistrationState = Literal["off", "registering", "registered", "waiting", "refused", "leaving"]

#: What it says about us, not about the moment: trying again soon is of no use.
_REFUSALS = frozenset(
    {401, 402, 403, 404, 405, 406, 407, 410, 416, 420, 484, 485, 501, 505, 600, 603, 604, 606}
)
#: REGISTERs of one attempt: a challenge of the proxy and one of the registrar, each once stale, and a 423.
_MOST_SENDINGS = 6
#: A registrar that wants to see us more often than this is not obeyed, in seconds.
_LEAST_REFRESH = 5.0
#: The longest Retry-After that is obeyed, in seconds.
_LONGEST_RETRY_AFTER = 3600.0
#: A refresh leaves this many seconds for a transaction that goes unanswered, where the interval allows.
_ROOM_TO_FAIL = 40.0


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """Where to register, and as whom. Times are in seconds."""

    #: The registrar's domain, without a user: the Request-URI.
    registrar: Uri
    #: The address of record: To and From.
    account: NameAddr
    credentials: Credentials | None = None
    #: An outbound proxy that the requests go through.
    proxy: Uri | None = None
    #: Our Contact as header text; empty: whoever sends puts the one that suits the flow.
    contact: str = ""
    #: How long the registrar is asked to remember us.
    expires: int = 600
    #: The wait after the first failure; it doubles up to `longest_wait`. Waits are 50…100 % of that, by chance.
    first_wait: float = 5.0
    longest_wait: float = 300.0
    #: How long `stop` waits for the registrar.
    leave_seconds: float = 2.0


class Sender(Protocol):
    """Whoever sends out-of-dialog requests: adds Via (and Contact if there is none), and no credentials."""

    def __call__(
        self, draft: Draft, number: Callable[[], int], done: Callable[[int, Response | None], None]
    ) -> object:
        """Send the draft with a CSeq number from `number`, later or now.

        `done` is called once, with the final response; or with the status that stands for none, such as 408
        for no answer and 503 for no way, and None.
        """


class Registration:
    """One account at one registrar.

    `chance` gives random numbers, 0 ≤ x < 1; `token` new unguessable texts. `on_change` hears of every new
    state, with the status and reason that led to it ("" if none).
    """

    __slots__ = (
        "_answered",
        "_asked",
        "_call_id",
        "_challenges",
        "_chance",
        "_clock",
        "_counts",
        "_cseq",
        "_expires",
        "_failures",
        "_from",
        "_in_flight",
        "_left",
        "_on_change",
        "_send",
        "_sendings",
        "_sent_at",
        "_settings",
        "_state",
        "_timer",
        "_token",
        "_until",
        "reason",
    )

    def __init__(
        self,
        settings: RegistrationSettings,
        *,
        clock: Clock,
        send: Sender,
        token: Callable[[], str],
        chance: Callable[[], float],
        on_change: Callable[[RegistrationState, str], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._send = send
        self._token = token
        self._chance = chance
        self._on_change = on_change
        self._state: RegistrationState = "off"
        #: The status and reason of the last failure, "" if there is none since.
        self.reason = ""
        self._call_id = token()
        self._from = settings.account.with_tag(token())
        self._cseq = 0
        self._expires = settings.expires
        self._until = 0.0
        self._failures = 0
        self._timer: TimerHandle | None = None
        self._left: Callable[[], None] | None = None
        # The attempt under way: whether one is, its sendings, which challenges it answered; and of its last
        # REGISTER, when it was sent and for how many seconds it asked.
        self._in_flight = False
        self._sendings = 0
        self._answered: set[int] = set()
        self._sent_at = 0.0
        self._asked = 0
        # The last challenges by status (401, 407), and how often the nonce of each was used.
        self._challenges: dict[int, Response] = {}
        self._counts: dict[int, int] = {}

    @property
    def state(self) -> RegistrationState:
        """What it is doing."""
        return self._state

    @property
    def registered(self) -> bool:
        """Whether the registrar knows us at present, as far as we can tell: also while a refresh fails."""
        return self._clock.time() < self._until

    def start(self) -> None:
        """Register, and stay registered until `stop`."""
        if self._state == "off":
            self._change("registering")
            self._begin()

    def lost(self) -> None:
        """The way to the registrar broke: register anew at once, from wherever we are now."""
        if self._state in {"registered", "waiting", "refused"} and not self._in_flight:
            self._begin()

    def stop(self, done: Callable[[], None] = lambda: None) -> None:
        """Have the registrar forget us; `done` when it has, or when that takes too long."""
        if self._state in {"off", "leaving"} or not (self.registered or self._in_flight):
            self._off()
            done()
            return
        self._left = done
        self._set_timer(self._settings.leave_seconds, self._off)
        self._change("leaving")
        if not self._in_flight:
            self._begin()

    # Sending

    def _begin(self) -> None:
        self._sendings = 0
        self._answered.clear()
        self._register()

    def _register(self) -> None:
        self._sendings += 1
        self._in_flight = True
        if self._state != "leaving":
            self._stop_timer()
        self._sent_at = self._clock.time()
        self._asked = 0 if self._state == "leaving" else self._expires
        self._send(self._draft(), self._number, self._done)

    def _draft(self) -> Draft:
        settings = self._settings
        headers = [("Contact", settings.contact)] if settings.contact else []
        if settings.proxy is not None:
            loose = "" if settings.proxy.lr else ";lr"
            headers.append(("Route", f"<{settings.proxy}{loose}>"))
        headers.append(("Expires", str(self._asked)))
        headers.extend(self._credentials())
        return Draft(
            method="REGISTER",
            uri=settings.registrar,
            from_=self._from,
            to=settings.account,
            call_id=self._call_id,
            hop=settings.proxy or settings.registrar,
            headers=tuple(headers),
        )

    def _credentials(self) -> Iterable[tuple[str, str]]:
        """Answers to the challenges we know; one that cannot be answered is forgotten."""
        credentials = self._settings.credentials
        for status, challenge in tuple(self._challenges.items()):
            self._counts[status] += 1
            field = credentials and answer(
                challenge,
                credentials,
                "REGISTER",
                str(self._settings.registrar),
                cnonce=self._token(),
                count=self._counts[status],
            )
            if field:
                yield field
            else:
                del self._challenges[status]

    def _number(self) -> int:
        self._cseq += 1
        return self._cseq

    # What comes back

    def _done(self, status: int, response: Response | None) -> None:
        self._in_flight = False
        if self._state == "off":
            return
        if response is not None and self._sendings < _MOST_SENDINGS and self._can_satisfy(status, response):
            self._register()
        elif self._state == "leaving":
            self._leave(status)
        elif response is not None and 200 <= status < 300:
            self._succeed(response)
        else:
            self._fail(status, response)

    def _leave(self, status: int) -> None:
        """If that was still a REGISTER from before `stop`, and it passed, it is to be undone."""
        if 200 <= status < 300 and self._asked:
            self._begin()
        else:
            self._off()

    def _succeed(self, response: Response) -> None:
        self._failures = 0
        self.reason = ""
        seconds = self._granted(response)
        self._until = self._sent_at + seconds
        room = max(0.1 * seconds, min(_ROOM_TO_FAIL, seconds / 2))
        wait = (seconds - room) * (1 - 0.1 * self._chance())
        self._set_timer(max(_LEAST_REFRESH, wait), self._begin)
        self._change("registered")

    def _fail(self, status: int, response: Response | None) -> None:
        self._failures += 1
        said = readable(response.reason) if response is not None else "no answer"
        self.reason = f"{status} {said}"
        refused = response is not None and status in _REFUSALS
        settings = self._settings
        # Never mind the exponent once it is past every cap.
        longest = min(settings.longest_wait, settings.first_wait * 2.0 ** min(self._failures - 1, 32))
        wait = (settings.longest_wait if refused else longest) * (0.5 + 0.5 * self._chance())
        self._set_timer(max(wait, retry_after(response)), self._begin)
        self._change("refused" if refused else "waiting")

    def _granted(self, response: Response) -> int:
        """For how long we are registered: what our Contact says, or Expires, or what we asked for.

        Other bindings of the account are listed too. Where our own cannot be told, the first to expire counts.
        """
        contacts = list(_contacts(response))
        ours = _address(self._settings.contact)
        mine = [contact for contact in contacts if ours is not None and _same(contact.uri, ours.uri)]
        common = _seconds(response.get("Expires"))
        found = [_seconds(contact.params.get("expires")) for contact in mine or contacts]
        granted = [seconds for seconds in found if seconds] or ([common] if common else [])
        return min(granted, default=self._asked)

    def _can_satisfy(self, status: int, response: Response) -> bool:
        """Whether the same, asked differently, may pass: with credentials, or for longer."""
        if status == 423:
            return self._ask_for_longer(response)
        if status not in {401, 407} or self._settings.credentials is None:
            return False
        if status in self._answered and not is_stale(response):
            return False
        # A known nonce that is refused without a word of staleness was too old for this registrar: once.
        self._answered.add(status)
        self._challenges[status] = response
        self._counts[status] = 0
        return True

    def _ask_for_longer(self, response: Response) -> bool:
        least = _seconds(response.get("Min-Expires"))
        if not self._asked or least <= self._asked:
            return False
        self._expires = least
        return True

    # Helpers

    def _change(self, state: RegistrationState) -> None:
        if self._state != state:
            self._state = state
            self._on_change(state, self.reason)

    def _off(self) -> None:
        self._stop_timer()
        self._until = 0.0
        left, self._left = self._left, None
        self._change("off")
        if left is not None:
            left()

    def _set_timer(self, seconds: float, callback: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self._clock.call_at(self._clock.time() + seconds, callback)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def retry_after(response: Response | None) -> float:
    """Seconds of a Retry-After field, an hour at most; 0 if there is none (RFC 3261, section 20.33)."""
    value = (response.get("Retry-After") if response is not None else None) or ""
    return min(_LONGEST_RETRY_AFTER, float(_seconds(value.partition("(")[0].partition(";")[0].strip())))


def _seconds(text: str | None) -> int:
    """A number of seconds below 2³²; 0 for anything else."""
    if not text or not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) >= 2**32:
        return 0
    return int(text)


def _contacts(response: Response) -> Iterable[NameAddr]:
    """The bindings that the registrar lists, as far as they can be read."""
    for text in response.all("Contact"):
        address = _address(text)
        if address is not None:
            yield address


def _address(text: str) -> NameAddr | None:
    try:
        return NameAddr.parse(text)
    except SipSyntaxError:
        return None


def _same(one: Uri, other: Uri) -> bool:
    return (one.user, one.host, one.port) == (other.user, other.host, other.port)
