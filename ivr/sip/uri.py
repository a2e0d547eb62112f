"""SIP addresses: URIs (RFC 3261 section 19.1, RFC 3966) and the name-addr of From,
To, Contact and routes; and the Via.

Text here is header text: bytes of the wire read as latin-1, so that whatever a trunk sends (a display name in
UTF-8 or GBK) goes back byte for byte. `readable` turns it into real text, `header_text` the other way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ivr.sip.message import Request

Params = dict[str, str | None]


class SipSyntaxError(ValueError):
    """A message, or a part of one, that breaks the grammar.

    `status` is the response it deserves (400, 505, 513 …) and `reason` says what is wrong in words fit for a
    status line. `request` is what could be read of a request, if that is enough for `respond` to answer it:
    its top Via is valid and it has From, To, Call-ID and CSeq. Their own values may still be what is wrong,
    so that reading `from_`, `to`, `call_id` or `cseq` of such a request can raise this error again.
    """

    def __init__(self, reason: str, status: int = 400, request: Request | None = None) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.request = request


def readable(text: str) -> str:
    """Header text as real text: UTF-8, else GB18030, else UTF-8 with replacement characters."""
    if text.isascii():
        return text
    raw = text.encode("latin-1", "replace")
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace")


def header_text(text: str) -> str:
    """Real text as header text: its UTF-8 bytes read as latin-1."""
    return text if text.isascii() else text.encode("utf-8").decode("latin-1")


# Every repetition that could be read in two ways is possessive: no text makes matching slow.
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_WORD = r"[A-Za-z0-9\-.!%*_+`'~]++"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?")
_PORT = re.compile(r"[0-9]{1,5}")
_DOTTED = re.compile(r"[0-9.]+")
# The user part may hold ';', '?' and '/' (section 25.1). '#' and bytes above 0x7f ought to be escaped, and
# telephones send them as they are.
_SIP_URI = re.compile(
    r"(?P<scheme>[sS][iI][pP][sS]?):"
    r"(?:(?P<user>(?:[\w\-.!~*'()&=+$,;?/#\x80-\xff]|%[0-9A-Fa-f]{2})++)"
    r"(?P<password>:(?:[\w\-.!~*'()&=+$,]|%[0-9A-Fa-f]{2})*+)?@)?"
    r"(?P<host>\[[^\[\]\s]*+\]|[^\s:;?@\[\]<>\"]++)(?::(?P<port>[0-9]{1,5}+))?"
    r"(?P<params>(?:;[^;?]*+)*+)(?:\?(?P<headers>.*+))?",
    re.ASCII | re.DOTALL,
)
_TEL_URI = re.compile(r"[tT][eE][lL]:(?P<user>[0-9A-Fa-f*#().+-]++)(?P<params>(?:;[^;]*+)*+)", re.ASCII)
_OTHER_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*+):(?P<rest>[^\s<>\"]++)", re.ASCII)
_URI_PARAM = re.compile(
    r";(?P<name>(?:[\w\-.!~*'()\[\]/:&+$]|%[0-9A-Fa-f]{2})++)(?:=(?P<value>[^\s;?<>\"@,\x00-\x1f\x7f]*+))?",
    re.ASCII,
)
_URI_HEADERS = re.compile(r"[^\s<>\"=&]++=[^\s<>\"&]*+(?:&[^\s<>\"=&]++=[^\s<>\"&]*+)*+", re.ASCII)
_PARAM = re.compile(
    rf"[ \t]*+;[ \t]*+(?P<name>{_WORD})"
    rf"(?:[ \t]*+=[ \t]*+(?P<value>{_QUOTED}|[^\s\",;<>\x00-\x1f\x7f]++))?",
    re.ASCII | re.DOTALL,
)
_ADDRESS = re.compile(
    rf"[ \t]*+(?:(?P<display>{_QUOTED}[ \t]*+|[^\"<>\x00-\x08\x0a-\x1f]*+)<(?P<uri>[^<>]*+)>"
    r"|(?P<bare>[^\s<>\",;?]++))(?P<params>.*+)",
    re.ASCII | re.DOTALL,
)
_VIA = re.compile(
    rf"SIP[ \t]*+/[ \t]*+[0-9.]++[ \t]*+/[ \t]*+(?P<transport>{_WORD})[ \t]++"
    r"(?P<host>\[[^\[\]\s]*+\]|[^\s:;,\[\]\"<>]++)[ \t]*+(?::[ \t]*+(?P<port>[0-9]++)[ \t]*+)?"
    r"(?P<params>(?:;.*)?)",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_TO_ESCAPE = re.compile(r'(["\\])')


@lru_cache(1024)
def numeric(host: str) -> bool:
    """Whether `host` is an IPv4 address or an IPv6 address without brackets."""
    try:
        if ":" in host:
            IPv6Address(host)
            return "%" not in host
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


@lru_cache(1024)
def check_host(text: str) -> str:
    """The host of a URI or a Via in lower case, IPv6 without its brackets.

    Raises SipSyntaxError(400) for anything that is neither a numeric address nor a name of at most 253
    letters, digits, dots, hyphens and underscores.
    """
    host = text.lower()
    if host.startswith("["):
        host = host[1:-1]
        if ":" in host and numeric(host):
            return host
    elif _DOTTED.fullmatch(host):
        if numeric(host):
            return host
    elif len(host) <= 253 and _NAME.fullmatch(host) and ".." not in host:
        return host
    raise SipSyntaxError("Bad Host")


def check_port(text: str | None) -> int | None:
    """A port from its digits, 1…65535; None for none. Raises SipSyntaxError(400)."""
    if not text:
        return None
    if not _PORT.fullmatch(text) or not 0 < int(text) < 65536:
        raise SipSyntaxError("Bad Port")
    return int(text)


def host_port(host: str, port: int | None) -> str:
    """`host:port` as headers write it: IPv6 in brackets, no colon without a port."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


def parse_params(text: str) -> Params:
    """The `;name=value` parameters of a header (names in lower case, a quoted value with its quotes).

    Raises SipSyntaxError(400), also for a name that comes twice (RFC 3261, section 7.3.1).
    """
    params: Params = {}
    at = 0
    while match := _PARAM.match(text, at):
        _put(params, match["name"], match["value"])
        at = match.end()
    if text[at:].strip(" \t"):
        raise SipSyntaxError("Bad Header Parameter")
    return params


def params_text(params: Params) -> str:
    """Parameters as headers and URIs write them."""
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in params.items())


def _put(params: Params, name: str, value: str | None) -> None:
    name = name.lower()
    if name in params:
        raise SipSyntaxError("Parameter Given Twice")
    params[name] = value


def _uri_params(text: str) -> Params:
    """A URI's parameters. One given twice, as some telephones do with `transport`, counts as it was first."""
    params: Params = {}
    at = 0
    while at < len(text):
        match = _URI_PARAM.match(text, at)
        if match is None:
            raise SipSyntaxError("Bad URI Parameter")
        params.setdefault(match["name"].lower(), match["value"])
        at = match.end()
    return params


def _uri_headers(text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    if not _URI_HEADERS.fullmatch(text):
        raise SipSyntaxError("Bad URI Headers")
    pairs = (part.partition("=") for part in text.split("&"))
    return {name: value for name, _, value in pairs}


@dataclass(slots=True)
class Uri:
    """A URI. Treat it as fixed: it is shared by whoever reads the message it came in.

    `sip` and `sips` have everything; `tel` has its number as `user`, and `params`; any other scheme keeps what
    stands after its colon in `rest`. `user` stands as it was sent, with its %-escapes; `host` is in lower
    case, IPv6 without brackets; `port` is 1…65535. Parameter names are in lower case.
    """

    scheme: str = "sip"
    user: str = ""
    host: str = ""
    port: int | None = None
    params: Params = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    rest: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Uri:
        """The URI that `text` writes; raises SipSyntaxError(400)."""
        if match := _SIP_URI.fullmatch(text):
            params = match["params"]
            password = match["password"]
            return cls(
                match["scheme"].lower(),
                match["user"] or "",
                check_host(match["host"]),
                check_port(match["port"]),
                _uri_params(params) if params else {},
                _uri_headers(match["headers"]),
                "",
                password[1:] if password else "",
            )
        if match := _TEL_URI.fullmatch(text):
            return cls("tel", match["user"], params=_uri_params(match["params"]))
        if (match := _OTHER_URI.fullmatch(text)) and match["scheme"].lower() not in ("sip", "sips", "tel"):
            return cls(match["scheme"].lower(), rest=match["rest"])
        raise SipSyntaxError("Bad URI")

    @property
    def transport(self) -> str:
        """The transport parameter in lower case, "" if there is none."""
        return (self.params.get("transport") or "").lower()

    @property
    def lr(self) -> bool:
        """Whether this proxy routes loosely (RFC 3261, section 19.1.1)."""
        return "lr" in self.params

    @property
    def is_numeric(self) -> bool:
        """Whether the host is an address rather than a name."""
        return numeric(self.host)

    def plain(self) -> Uri:
        """The URI as a Request-URI may be: without headers and the method parameter (section 19.1.5)."""
        params = {name: value for name, value in self.params.items() if name != "method"}
        return Uri(self.scheme, self.user, self.host, self.port, params, {}, self.rest, self.password)

    def __str__(self) -> str:
        if self.rest:
            return f"{self.scheme}:{self.rest}"
        if self.scheme == "tel":
            return f"tel:{self.user}{params_text(self.params)}"
        user = f"{self.user}:{self.password}@" if self.password else f"{self.user}@" if self.user else ""
        headers = "&".join(f"{name}={value}" for name, value in self.headers.items())
        tail = params_text(self.params) + (f"?{headers}" if headers else "")
        return f"{self.scheme}:{user}{host_port(self.host, self.port)}{tail}"


@dataclass(slots=True)
class NameAddr:
    """An address with its display name and header parameters (RFC 3261, section 20.10).

    `display` is header text without its quotes and backslashes, "" if there is none. Treat it as fixed.
    """

    display: str
    uri: Uri
    params: Params = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """The address that `text` writes, with or without angle brackets; raises SipSyntaxError(400).

        Without the brackets, parameters are the header's (section 20).
        """
        match = _ADDRESS.fullmatch(text)
        if match is None:
            raise SipSyntaxError("Bad Address")
        display = (match["display"] or "").strip(" \t")
        if display.startswith('"'):
            display = _ESCAPED.sub(r"\1", display[1:-1]) if "\\" in display else display[1:-1]
        bare = match["bare"]
        params = parse_params(match["params"])
        if params.get("tag", "-") in (None, '""'):
            raise SipSyntaxError("Empty Tag")
        return cls(display, Uri.parse(match["uri"].strip(" \t") if bare is None else bare), params)

    @property
    def tag(self) -> str:
        """The tag parameter, "" if there is none."""
        return self.params.get("tag") or ""

    def with_tag(self, tag: str) -> NameAddr:
        """The same address with this tag; "" takes the tag away."""
        params = {name: value for name, value in self.params.items() if name != "tag"}
        if tag:
            params["tag"] = tag
        return NameAddr(self.display, self.uri, params)

    def __str__(self) -> str:
        display = _TO_ESCAPE.sub(r"\\\1", self.display)
        shown = f'"{display}" ' if display else ""
        return f"{shown}<{self.uri}>{params_text(self.params)}"


@dataclass(slots=True)
class Via:
    """One Via (RFC 3261, section 20.42). `transport` is in upper case, `host` as in `Uri`, port 1…65535."""

    transport: str
    host: str
    port: int | None = None
    params: Params = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Via:
        """The Via that `text` writes; raises SipSyntaxError(400)."""
        match = _VIA.fullmatch(text)
        if match is None:
            raise SipSyntaxError("Bad Via")
        params = parse_params(match["params"])
        check_port(params.get("rport"))
        host = check_host(match["host"])
        return cls(match["transport"].upper(), host, check_port(match["port"]), params)

    @property
    def branch(self) -> str:
        """The branch parameter, "" if there is none."""
        return self.params.get("branch") or ""

    @property
    def received(self) -> str:
        """The address a hop says it had the request from; "" if none, or if it is no numeric address."""
        host = (self.params.get("received") or "").strip("[]")
        return host if numeric(host) else ""

    @property
    def rport(self) -> int | None:
        """The port a hop says it had the request from (RFC 3581); None if it says none."""
        return check_port(self.params.get("rport"))

    @property
    def wants_rport(self) -> bool:
        """Whether the sender asks for its port, or was told it (RFC 3581)."""
        return "rport" in self.params

    def seen_from(self, host: str, port: int) -> Via:
        """The same Via with `received`, and `rport` where it was asked for, from the packet itself."""
        params = self.params | {"received": host}
        if "rport" in params:
            params["rport"] = str(port)
        return Via(self.transport, self.host, self.port, params)

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {host_port(self.host, self.port)}{params_text(self.params)}"
