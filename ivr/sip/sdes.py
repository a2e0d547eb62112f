"""Keys of secure audio in a session description: `a=crypto` lines (RFC 4568)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
KEY_BYTES = 30

# A lifetime in front of nothing may follow the key. A master key identifier may not: with one, packets would
# be longer than we expect. Of the session parameters, only the window size hint may be passed over (6.3.7).
_LINE = re.compile(
    r"(?P<tag>[0-9]{1,9}) (?P<suite>[A-Z0-9_]{1,40}) inline:(?P<key>[A-Za-z0-9+/]{40})"
    r"(?:\|(?:2\^[0-9]{1,2}|[0-9]{1,15}))?(?: WSH=[0-9]{1,5})?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Crypto:
    """One way to encrypt a stream: `key` is the 16-byte master key and the 14-byte salt of its sender."""

    tag: int
    suite: str
    key: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"crypto {self.tag} {self.suite}"


def parse_crypto(value: str) -> Crypto | None:
    """The value of an `a=crypto` line; None for one that we cannot use."""
    match = _LINE.fullmatch(" ".join(value.split()))
    if match is None or match["suite"] not in SUITES:
        return None
    try:
        key = base64.b64decode(match["key"], validate=True)
    except binascii.Error:
        return None
    return Crypto(int(match["tag"]), match["suite"], key) if len(key) == KEY_BYTES else None


def crypto_value(crypto: Crypto) -> str:
    """The value of the `a=crypto` line that tells our key."""
    return f"{crypto.tag} {crypto.suite} inline:{base64.b64encode(crypto.key).decode()}"
