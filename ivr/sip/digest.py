"""Digest authentication (RFC 7616, RFC 8760, RFC 3261 section 22): answering challenges, and asking callers.

Both sides do MD5 and SHA-256 with `qop=auth`, and answer or accept the old form without. Nonces of ours need no
memory: they carry their time and are signed. What is remembered, in a table of bounded size, is how often a
nonce has been used by somebody who knew the secret, so that nothing heard on the wire can be sent again.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from aiosipua.auth import SipDigestAuth, build_credentials
from aiosipua.headers import AuthChallenge, parse_auth, stringify_auth

from ivr.clock import Clock
from ivr.sip.message import Request, Response, header_text, readable

ALGORITHMS = ("SHA-256", "MD5")
_CHALLENGES = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
_NONCE = re.compile(r"([0-9a-f]{12})([0-9a-f]{8})([0-9a-f]{32})")
_COUNT = re.compile(r"[0-9a-fA-F]{8}")
# How far a request may be overtaken by later ones of the same nonce.
_WINDOW = 64


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to others. With `realm` "", every realm that asks is told.

    Raises ValueError for a user name that a header cannot hold.
    """

    user: str
    secret: str = field(repr=False)
    realm: str = ""

    def __post_init__(self) -> None:
        if any(char in '"\\' or ord(char) < 32 for char in self.user):
            raise ValueError("a user name holds no quotes, backslashes or control characters")


def answer(
    challenges: Response, credentials: Credentials, method: str, uri: str, *, cnonce: str, count: int = 1
) -> tuple[str, str] | None:
    """The header, name and value, that answers a 401 or 407; None if none of its challenges can be answered.

    SHA-256 is preferred to MD5. `uri` is the Request-URI as it will be written, `cnonce` a fresh random text,
    `count` how often this nonce will have been used with that request.
    """
    asked, told = _CHALLENGES.get(challenges.status, ("", ""))
    found = [
        challenge for text in challenges.all(asked) if (challenge := _challenge(text, credentials.realm))
    ]
    found.sort(key=lambda challenge: _rank(challenge.params))
    auth = SipDigestAuth(credentials.user, credentials.secret)
    for challenge in found:
        built = build_credentials(auth, challenge, method, uri, nonce_count=count, cnonce=cnonce)
        if built is not None:
            return told, header_text(stringify_auth(built))
    return None


def is_stale(challenges: Response) -> bool:
    """Whether a 401 or 407 says that only the nonce was too old, so that the secret may be tried again."""
    asked, _ = _CHALLENGES.get(challenges.status, ("", ""))
    return any(_params(text).get("stale", "").lower() == "true" for text in challenges.all(asked))


def _challenge(text: str, realm: str) -> AuthChallenge | None:
    """A challenge that we could answer, its values as real text as the library hashes them."""
    try:
        params = {name: value.encode("latin-1").decode("utf-8") for name, value in _params(text).items()}
    except UnicodeDecodeError:
        return None
    known = params.get("algorithm", "MD5").upper() in ALGORITHMS
    if not known or not params.get("nonce") or (realm and params.get("realm") != realm):
        return None
    if any('"' in value.replace('\\"', "") for value in params.values()):
        return None
    return AuthChallenge("Digest", params)


def _rank(params: dict[str, str]) -> int:
    return ALGORITHMS.index(params.get("algorithm", "MD5").upper())


def _params(text: str) -> dict[str, str]:
    """The parameters of a Digest challenge or of credentials, names in lower case; none for other schemes."""
    auth = parse_auth(text)
    if auth.scheme.lower() != "digest":
        return {}
    return {name.lower(): value for name, value in auth.params.items()}


class Passed(NamedTuple):
    """The request is from `user`, as real text."""

    user: str


class Refused(NamedTuple):
    """The request is not to be served.

    `stale`: the secret was right, but the nonce is old, used or of another process: challenge with
    `stale=True`. `given`: credentials for our realm were there, and so somebody tried.
    """

    stale: bool
    given: bool


class DigestGate:
    """Asks callers who they are.

    `secret_of` gives the secret of a user, None for an unknown one, for whom the same is computed, so that
    the time it takes tells nothing. `key` signs the nonces: at least 16 random bytes. A nonce lives for `life`
    seconds. `most` bounds the table of nonces in use; `algorithms` are offered in their order.
    """

    def __init__(
        self,
        realm: str,
        secret_of: Callable[[str], str | None],
        clock: Clock,
        key: bytes,
        life: float = 300.0,
        *,
        most: int = 10_000,
        algorithms: Sequence[str] = ALGORITHMS,
    ) -> None:
        if len(key) < 16:
            raise ValueError("the key that signs nonces has at least 16 bytes")
        self._realm = header_text(realm)
        self._secret_of = secret_of
        self._clock = clock
        self._key = key
        self._life = round(life * 1000)
        self._most = most
        self._algorithms = tuple(algorithms)
        self._serial = itertools.count()
        # Nonce → the highest count seen and, as bits, which of the counts before it. Oldest use first.
        self._used: dict[str, tuple[int, int]] = {}
        # Nonces made up to then are taken for used, because their use was forgotten to bound the table.
        self._forgotten = -1

    def challenge(self, stale: bool = False) -> list[tuple[str, str]]:
        """The WWW-Authenticate headers of a 401."""
        nonce = self._nonce(self._now(), next(self._serial) & 0xFFFFFFFF)
        tail = ", stale=true" if stale else ""
        return [
            (
                "WWW-Authenticate",
                f'Digest realm="{self._realm}", nonce="{nonce}", qop="auth", algorithm={algorithm}{tail}',
            )
            for algorithm in self._algorithms
        ]

    def check(self, request: Request) -> Passed | Refused:
        """Whether the request may be served. Raises nothing."""
        for text in request.all("Authorization"):
            params = _params(text)
            if params.get("realm") == self._realm:
                return self._judge(request.method, params)
        return Refused(stale=False, given=False)

    def _judge(self, method: str, params: dict[str, str]) -> Passed | Refused:
        user = readable(params.get("username", ""))
        secret = self._secret_of(user) if user else None
        right = self._response(method, params, self._key.hex() if secret is None else secret)
        told = params.get("response", "").lower().encode("latin-1", "replace")
        if not hmac.compare_digest(right.encode(), told) or not right or secret is None:
            return Refused(stale=False, given=True)
        if not self._first_use(params):
            return Refused(stale=True, given=True)
        return Passed(user)

    def _response(self, method: str, params: dict[str, str], secret: str) -> str:
        """The right response in hex (RFC 7616, section 3.4.1); "" for a form that we do not take."""
        algorithm = params.get("algorithm", "MD5").upper()
        if algorithm not in self._algorithms:
            return ""
        qop = params.get("qop", "").lower()
        nonce = params.get("nonce", "")
        if qop == "auth":
            if not _COUNT.fullmatch(params.get("nc", "")) or not params.get("cnonce"):
                return ""
            middle = f"{nonce}:{params['nc']}:{params['cnonce']}:{params['qop']}"
        elif not qop:
            middle = nonce
        else:
            return ""
        secret_text = header_text(secret)
        user = _hash(algorithm, f"{params.get('username', '')}:{self._realm}:{secret_text}")
        resource = _hash(algorithm, f"{method}:{params.get('uri', '')}")
        return _hash(algorithm, f"{user}:{middle}:{resource}")

    def _first_use(self, params: dict[str, str]) -> bool:
        """Whether the nonce is ours and young, and this count of it new. Remembers it."""
        nonce = params.get("nonce", "")
        match = _NONCE.fullmatch(nonce)
        if match is None or not hmac.compare_digest(nonce, self._nonce(int(match[1], 16), int(match[2], 16))):
            return False
        made, now = int(match[1], 16), self._now()
        if not made <= now <= made + self._life:
            return False
        # Without a count (the form before qop) a nonce serves once.
        count = int(params["nc"], 16) if params.get("qop") else 0
        known = self._used.pop(nonce, None)
        if known is None and made <= self._forgotten:
            return False
        highest, seen = known if known is not None else (count, 0)
        if count > highest:
            seen, highest = (seen << (count - highest)) if count - highest < _WINDOW else 0, count
        bit = 1 << (highest - count) if highest - count < _WINDOW else 0
        fresh = bool(bit) and not seen & bit
        self._used[nonce] = (highest, (seen | bit) & ((1 << _WINDOW) - 1))
        self._bound(now)
        return fresh

    def _bound(self, now: int) -> None:
        """Forget the nonces that have died, and the oldest if there are too many."""
        while self._used:
            nonce = next(iter(self._used))
            made = int(nonce[:12], 16)
            if len(self._used) > self._most:
                self._forgotten = max(self._forgotten, made)
            elif made + self._life >= now:
                return
            del self._used[nonce]

    def _nonce(self, made: int, serial: int) -> str:
        text = f"{made:012x}{serial:08x}"
        return (
            text
            + hmac.new(self._key, text.encode() + self._realm.encode("latin-1"), "sha256").hexdigest()[:32]
        )

    def _now(self) -> int:
        return int(self._clock.time() * 1000)


def _hash(algorithm: str, text: str) -> str:
    data = text.encode("latin-1")
    if algorithm == "SHA-256":
        return hashlib.sha256(data).hexdigest()
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
