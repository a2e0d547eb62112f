"""Who calls whom, read from the headers of an INVITE, the same way on every SIP line.

Trunks really send several asserted identities, `tel:` URIs, display names in GBK. Nothing is trusted: a
number is a hint, cleaned to digits where it is one, and bounded in length. Octets of a header that are no
UTF-8 are expected as surrogate escapes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

_COMPACT = {"f": "from", "t": "to", "i": "call-id", "m": "contact", "c": "content-type"}
_KEPT = ("user-agent", "diversion", "history-info", "privacy", "p-called-party-id")
_ANONYMOUS = {"anonymous", "unknown", "unavailable", "restricted", "withheld", "private"}
_SEPARATORS = re.compile(r"[-.() \t]")
_QUOTED = re.compile(r'^\s*"((?:[^"\\]|\\.)*)"')
_LONGEST_NUMBER = 64
_LONGEST_HEADER = 512


@dataclass(frozen=True, slots=True)
class Parties:
    """The two ends of a call as its INVITE names them; `caller` is empty when withheld."""

    caller: str
    called: str
    display_name: str = ""
    call_id: str = ""
    #: A few headers worth keeping for a trace, names in lower case.
    headers: dict[str, str] = field(default_factory=dict)


def parties_of(message: str) -> Parties:
    """Read the text of an INVITE."""
    first, headers = taken_apart(message)
    return parties_named(first.split(" ")[1] if first.count(" ") >= 2 else "", headers)


def parties_named(request_uri: str, headers: Mapping[str, Sequence[str]]) -> Parties:
    """Read an INVITE's Request-URI and its headers' values by long name in lower case.

    The caller is the first P-Asserted-Identity with a number in it (RFC 3325), else From; empty when the
    caller asked for privacy (RFC 3323). The called is the Request-URI's user, else To's.
    """
    asserted = [one for value in headers.get("p-asserted-identity", []) for one in split_addresses(value)]
    sender = headers.get("from", [""])[0]
    chosen = next((one for one in asserted if is_number(number_of(one))), "") or next(iter(asserted), sender)
    private = _asks_for_privacy(headers)
    return Parties(
        caller="" if private else number_of(chosen),
        called=number_of(request_uri) or number_of(headers.get("to", [""])[0]),
        display_name="" if private else readable(display_name_of(chosen) or display_name_of(sender)),
        call_id=readable(headers.get("call-id", [""])[0]),
        headers=_worth_keeping(headers),
    )


def number_of(address: str) -> str:
    """The user of a `sip:`, `sips:` or `tel:` address, without separators; empty when anonymous."""
    uri = _uri_of(address)
    scheme, _, rest = uri.partition(":")
    if scheme.lower() == "tel":
        user = rest.partition(";")[0]
    elif scheme.lower() in ("sip", "sips") and "@" in rest:
        user = rest.rpartition("@")[0].partition(";")[0].partition(":")[0]
        if rest.rpartition("@")[2].lower().startswith("anonymous.invalid"):
            return ""
    else:
        return ""
    user = readable(unquote(user, errors="surrogateescape"))
    plain = _SEPARATORS.sub("", user)
    number = plain if is_number(plain) else user.strip()
    return "" if number.lower() in _ANONYMOUS else number[:_LONGEST_NUMBER]


def is_number(text: str) -> bool:
    """Whether it is a telephone number and not a name."""
    return bool(re.fullmatch(r"\+?[0-9*#]{1,32}", text))


def display_name_of(address: str) -> str:
    """The name before the URI, unquoted; empty if there is none."""
    quoted = _QUOTED.match(address)
    if quoted:
        return re.sub(r"\\(.)", r"\1", quoted.group(1)).strip()
    return address.partition("<")[0].strip() if "<" in address else ""


def split_addresses(value: str) -> list[str]:
    """A header's comma-separated addresses; commas in quotes and in angle brackets stay."""
    found, start, quoted, angled, skip = [], 0, False, False, False
    for index, sign in enumerate(value):
        if skip:
            skip = False
        elif quoted:
            skip, quoted = sign == "\\", sign != '"'
        elif sign == '"':
            quoted = True
        elif sign in "<>":
            angled = sign == "<"
        elif sign == "," and not angled:
            found.append(value[start:index].strip())
            start = index + 1
    return [one for one in (*found, value[start:].strip()) if one]


def readable(text: str) -> str:
    """Text that can be written anywhere: octets that are no UTF-8 are read as GBK, else replaced.

    Such octets come as surrogate escapes; Chinese trunks send names in GBK.
    """
    octets = text.encode("utf-8", "surrogateescape")
    for encoding in ("utf-8", "gb18030"):
        try:
            return _printable(octets.decode(encoding))
        except UnicodeDecodeError:
            continue
    return _printable(octets.decode("utf-8", "replace"))


def _printable(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable())


def _uri_of(address: str) -> str:
    if "<" in address:
        # A display name may hold an angle bracket of its own; the URI's is the last one outside the quotes.
        bare = _QUOTED.sub("", address)
        return bare.partition("<")[2].partition(">")[0].strip()
    return address.strip()


def taken_apart(message: str) -> tuple[str, dict[str, list[str]]]:
    """A SIP message's first line, and its headers' values by long name in lower case."""
    head = message.replace("\r\n", "\n").partition("\n\n")[0]
    first, *lines = re.sub(r"\n[ \t]+", " ", head).split("\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            name = name.strip().lower()
            headers.setdefault(_COMPACT.get(name, name), []).append(value.strip())
    return first, headers


def _asks_for_privacy(headers: Mapping[str, Sequence[str]]) -> bool:
    asked = {word.strip().lower() for value in headers.get("privacy", []) for word in re.split("[;,]", value)}
    return bool(asked & {"id", "user", "header", "session"})


def _worth_keeping(headers: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {
        name: readable(values[0])[:_LONGEST_HEADER]
        for name, values in headers.items()
        if name in _KEPT or name.startswith("x-")
    }
