"""SIP messages (RFC 3261, section 7): parsed and validated, built, answered and written.

The library splits the head into headers; every limit is checked before it sees a byte, and everything a
dialog or transaction relies on is validated before anyone else does. What `parse` returned has been checked:
reading its properties raises nothing. Messages that were built here are checked as they are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from aiosipua.headers import MULTI_INSTANCE_HEADERS
from aiosipua.message import SipMessage

from ivr.sip.names import LISTS, REASONS, canonical
from ivr.sip.uri import NameAddr, SipSyntaxError, Uri, Via, header_text, readable

__all__ = [
    "REASONS",
    "Message",
    "NameAddr",
    "Request",
    "Response",
    "SipSyntaxError",
    "Uri",
    "Via",
    "header_text",
    "parse",
    "readable",
    "respond",
]

MOST_BYTES = 65_535
MOST_HEAD = 16_384
MOST_LINES = 128

_ONCE = ("From", "To", "Call-ID", "CSeq", "Content-Type", "Max-Forwards", "Expires")
_NUMBERS = ("Max-Forwards", "Expires", "RSeq", "Min-SE", "Min-Expires")
_SINGLE = ("From", "To", "Call-ID", "CSeq")
# The lists that the library takes apart.
_SPLIT = frozenset(map(canonical, MULTI_INSTANCE_HEADERS))

# Every repetition that could be read in two ways is possessive: no text makes matching slow.
_WORD = r"[A-Za-z0-9\-.!%*_+`'~]++"
_LINE = rf"{_WORD}[ \t]*+:[^\r\n\x00]*+\r?\n"
_HEAD = re.compile(rf"(?:{_LINE})*+".encode())
_GOOD_LINE = re.compile(rf"^{_LINE}".encode(), re.MULTILINE)
_FOLD = re.compile(rb"\r?\n[ \t]++")
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*+:[ \t]*+([^\r\n]*+)\r?\n", re.IGNORECASE | re.MULTILINE)
_DIGITS = re.compile(rb"[0-9]{1,10}[ \t]*")
_REQUEST_LINE = re.compile(rf"({_WORD}) ([^ \t\x00-\x1f\x7f]++) ([sS][iI][pP]/[0-9]++\.[0-9]++)".encode())
# What is not a request line, but is meant to be one, and so is answered.
_LOOSE_LINE = re.compile(
    rf"({_WORD})[ \t]([^\r\n\x00]*)(?<=[ \t])([sS][iI][pP]/[0-9]++\.[0-9]++)[ \t]*+".encode()
)
_STATUS_LINE = re.compile(rb"[sS][iI][pP]/2\.0 ([1-6][0-9]{2})(?: ([^\r\n\x00]*+))?")
_CSEQ = re.compile(rf"([0-9]++)[ \t]++({_WORD})")
_CALL_ID = re.compile(r"[^\s\x00-\x20\x7f]++", re.ASCII)
_MEDIA_TYPE = re.compile(rf"({_WORD})[ \t]*+/[ \t]*+({_WORD})[ \t]*+(?:;.*)?", re.DOTALL)
_LIST_PART = re.compile(r'(?:[^",<]++|"[^"]*+"?+|<[^<>]*+>|<)*+')
_TO_TAG = re.compile(r";[ \t]*tag[ \t]*=", re.IGNORECASE)
# The library reads a head as UTF-8, strips what Unicode calls blanks and takes a quote after a backslash for the
# end of a quoted string. What it would stumble on passes it as characters of the private use area.
_ODD = re.compile(rb"[^\t\r\n\x20-\x5b\x5d-\x7e]")
_PAIR = re.compile(r"\\[^\r\n]")
_SHIELD = {byte: 0xE000 + byte for byte in range(0x100) if not (0x20 <= byte < 0x80 or byte in b"\t\r\n")}
_UNSHIELD = {0xE000 + byte: byte for byte in range(0x100)}


class Message:
    """What requests and responses have in common: headers in their order, and a body.

    Names may be given in any case; known ones and one-letter forms are spelled out. Values are header text
    (see `ivr.sip.uri`). Content-Length is written from the body and never kept. Structured headers are
    parsed once; changing a header forgets what was parsed.
    """

    __slots__ = ("_addresses", "_names", "_values", "_vias", "body")

    def __init__(self, names: list[str], values: list[str], body: bytes) -> None:
        self._names = names
        self._values = values
        self._addresses: dict[str, list[NameAddr]] = {}
        self._vias: list[Via] | None = None
        self.body = body

    def start_line(self) -> str:
        """The first line, without its line end."""
        raise NotImplementedError

    # -- headers as text --

    @property
    def headers(self) -> Iterator[tuple[str, str]]:
        """Every header as (name, value), in order; a comma list is one pair for each of its parts."""
        return zip(self._names, self._values, strict=True)

    def get(self, name: str) -> str | None:
        """The first value of a header; None if it is not there."""
        name = canonical(name)
        names = self._names
        return self._values[names.index(name)] if name in names else None

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order; those of a comma list one by one."""
        name = canonical(name)
        return [value for key, value in zip(self._names, self._values, strict=True) if key == name]

    def __contains__(self, name: str) -> bool:
        return canonical(name) in self._names

    def set(self, name: str, value: str) -> None:
        """Give a header this one value, in the place of its first; add it if it is not there."""
        name, value = canonical(name), _checked(name, value)
        if name not in self._names:
            self.add(name, value)
            return
        first = self._names.index(name)
        self.remove(name)
        self._names.insert(first, name)
        self._values.insert(first, value)

    def add(self, name: str, value: str) -> None:
        """Add a value after those the header has. Raises ValueError if it would break the head."""
        name, value = canonical(name), _checked(name, value)
        self._names.append(name)
        self._values.append(value)
        self.forget()

    def insert_first(self, name: str, value: str) -> None:
        """Add a value before those the header has, as Via and Record-Route need."""
        name, value = canonical(name), _checked(name, value)
        self._names.insert(0, name)
        self._values.insert(0, value)
        self.forget()

    def replace_first(self, name: str, value: str) -> None:
        """Put a value in the place of the header's first, and leave the others; add it if there is none."""
        name, value = canonical(name), _checked(name, value)
        if name in self._names:
            self._values[self._names.index(name)] = value
            self.forget()
        else:
            self.add(name, value)

    def remove(self, name: str) -> None:
        """Take a header away; harmless if it is not there."""
        name = canonical(name)
        kept = [(key, value) for key, value in self.headers if key != name]
        self._names = [key for key, _ in kept]
        self._values = [value for _, value in kept]
        self.forget()

    # -- headers as what they mean --

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        value = self._needed("Call-ID")
        if not _CALL_ID.fullmatch(value):
            raise SipSyntaxError("Bad Call-ID")
        return value

    @property
    def cseq(self) -> int:
        """The number of the CSeq, 0…2³¹-1."""
        match = _CSEQ.fullmatch(self._needed("CSeq"))
        if match is None or len(match[1]) > 10 or int(match[1]) >= 2**31:
            raise SipSyntaxError("Bad CSeq")
        return int(match[1])

    @property
    def method(self) -> str:
        """The method: a response's is that of its request."""
        return self.cseq_method

    @property
    def cseq_method(self) -> str:
        """The method that CSeq names."""
        match = _CSEQ.fullmatch(self._needed("CSeq"))
        if match is None:
            raise SipSyntaxError("Bad CSeq")
        return match[2]

    @property
    def from_(self) -> NameAddr:
        """From."""
        self._needed("From")
        return self._parsed("From")[0]

    @property
    def to(self) -> NameAddr:
        """To."""
        self._needed("To")
        return self._parsed("To")[0]

    @property
    def via(self) -> Via:
        """The topmost Via."""
        return self._vias[0] if self._vias else Via.parse(self._needed("Via"))

    @property
    def vias(self) -> list[Via]:
        """Every Via, topmost first. Not to be changed in place."""
        if self._vias is None:
            self._vias = [Via.parse(value) for value in self.all("Via")]
        return self._vias

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact; None if there is none, or only `*`."""
        contacts = self.contacts
        return contacts[0] if contacts else None

    @property
    def contacts(self) -> list[NameAddr]:
        """Every Contact, the first first; none for `*`. Not to be changed in place."""
        return [] if self.get("Contact") == "*" else self._parsed("Contact")

    @property
    def routes(self) -> list[NameAddr]:
        """The Route headers, next hop first. Not to be changed in place."""
        return self._parsed("Route")

    @property
    def record_routes(self) -> list[NameAddr]:
        """The Record-Route headers, topmost first. Not to be changed in place."""
        return self._parsed("Record-Route")

    @property
    def content_type(self) -> str:
        """The body's type in lower case without parameters, "" if there is none."""
        value = self.get("Content-Type")
        if not value:
            return ""
        match = _MEDIA_TYPE.fullmatch(value)
        if match is None:
            raise SipSyntaxError("Bad Content-Type")
        return f"{match[1]}/{match[2]}".lower()

    @property
    def require(self) -> list[str]:
        """The option tags of Require, in lower case."""
        return [value.lower() for value in self.all("Require")]

    @property
    def supported(self) -> list[str]:
        """The option tags of Supported, in lower case."""
        return [value.lower() for value in self.all("Supported")]

    @property
    def expires(self) -> int | None:
        """Seconds of the Expires header; None if there is none."""
        return self.number("Expires")

    def number(self, name: str) -> int | None:
        """A header that is a whole number, 0…2³²-1; None if it is not there. Raises SipSyntaxError(400)."""
        value = self.get(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 10) or int(value) >= 2**32:
            raise SipSyntaxError(f"Bad {canonical(name)}")
        return int(value)

    def to_bytes(self) -> bytes:
        """The message as it goes on the wire, with its Content-Length."""
        lines = [self.start_line()]
        lines += [f"{name}: {value}" for name, value in zip(self._names, self._values, strict=True)]
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(lines).encode("latin-1") + self.body

    __bytes__ = to_bytes

    def forget(self) -> None:
        """Let go of what was parsed from headers, to save memory; it is parsed again when it is read."""
        self._addresses = {}
        self._vias = None

    def _needed(self, name: str) -> str:
        value = self.get(name)
        if not value:
            raise SipSyntaxError(f"Missing {name}")
        return value

    def _parsed(self, name: str) -> list[NameAddr]:
        if name not in self._names:
            return []
        known = self._addresses.get(name)
        if known is None:
            known = self._addresses[name] = [NameAddr.parse(value) for value in self.all(name)]
        return known


class Request(Message):
    """A request. `uri_text` is the Request-URI as it stands in the first line."""

    __slots__ = ("_method", "_uri", "uri_text")

    def __init__(self, method: str, uri_text: str, names: list[str], values: list[str], body: bytes) -> None:
        super().__init__(names, values, body)
        self._method = method
        self._uri: Uri | None = None
        self.uri_text = uri_text

    @classmethod
    def build(
        cls,
        method: str,
        uri: Uri | str,
        *,
        from_: NameAddr | str,
        to: NameAddr | str,
        call_id: str,
        cseq: int,
        max_forwards: int = 70,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str = "",
    ) -> Request:
        """A request without Via. Raises ValueError if a value would break the head."""
        request = cls(method, _checked("Request-URI", str(uri)), [], [], body)
        request.add("Max-Forwards", str(max_forwards))
        request.add("From", str(from_))
        request.add("To", str(to))
        request.add("Call-ID", call_id)
        request.add("CSeq", f"{cseq} {method}")
        for name, value in headers:
            request.add(name, value)
        if content_type:
            request.add("Content-Type", content_type)
        return request

    @property
    def method(self) -> str:
        """The method, in the case it was sent in: methods differ by case."""
        return self._method

    @property
    def uri(self) -> Uri:
        """The Request-URI."""
        if self._uri is None:
            self._uri = Uri.parse(self.uri_text)
        return self._uri

    def start_line(self) -> str:
        """The request line."""
        return f"{self._method} {self.uri_text} SIP/2.0"

    def __repr__(self) -> str:
        return f"<Request {self._method}>"


class Response(Message):
    """A response. `status` is 100…699, `reason` header text."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, names: list[str], values: list[str], body: bytes) -> None:
        super().__init__(names, values, body)
        self.status = status
        self.reason = reason

    def start_line(self) -> str:
        """The status line."""
        return f"SIP/2.0 {self.status} {self.reason}"

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


def respond(
    request: Request,
    status: int,
    reason: str = "",
    *,
    to_tag: str = "",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str = "",
) -> Response:
    """A response to a request (RFC 3261, section 8.2.6).

    Via, From, To, Call-ID and CSeq are copied as they stand, so that a request whose own From is malformed
    can be answered too; Record-Route for 101…299. `to_tag` goes to a To that has no tag, not with 100.
    """
    names: list[str] = []
    values: list[str] = []
    routed = 100 < status < 300
    for name, value in zip(request._names, request._values, strict=True):
        # Of what stands once in a request, a malformed one may have more.
        if (name in _SINGLE and name not in names) or name == "Via" or (routed and name == "Record-Route"):
            tagged = name == "To" and to_tag and status > 100 and not _has_tag(request)
            names.append(name)
            values.append(f"{value};tag={to_tag}" if tagged else value)
    response = Response(status, _checked("reason", reason or REASONS.get(status, "")), names, values, body)
    for name, value in headers:
        response.add(name, value)
    if content_type:
        response.add("Content-Type", content_type)
    return response


def _has_tag(request: Request) -> bool:
    """Whether To has a tag; a guess if To cannot be read."""
    try:
        return bool(request.to.tag)
    except SipSyntaxError:
        return bool(_TO_TAG.search((request.get("To") or "").rpartition(">")[2]))


def _checked(name: str, value: str) -> str:
    """The value, if a head can hold it. Raises ValueError."""
    if "\n" in value or "\r" in value or "\0" in value or name.lower() == "content-length":
        raise ValueError(f"{name} cannot be written to a head")
    if not value.isascii():
        value.encode("latin-1")
    return value


def parse(data: bytes) -> Request | Response:
    """One whole message. Raises SipSyntaxError, with the request if it can be answered.

    A body longer than its Content-Length is cut (RFC 3261, section 18.3), a shorter one is refused. Empty
    lines before the message are passed over.
    """
    if len(data) > MOST_BYTES:
        raise SipSyntaxError("Message Too Large", 513)
    start, head, body = _split(data.lstrip(b"\r\n"))
    wrong = ""
    if not _HEAD.fullmatch(head):
        wrong, head = "Bad Header Line", b"".join(_GOOD_LINE.findall(head))
    try:
        body = _sized(head, body)
    except SipSyntaxError as error:
        wrong, body = error.reason, b""
    head = _LENGTH.sub(b"", head)
    if line := _STATUS_LINE.fullmatch(start):
        return _response(line, head, body, wrong)
    if line := _REQUEST_LINE.fullmatch(start):
        return _request(line, head, body, wrong)
    if line := _LOOSE_LINE.fullmatch(start):
        return _request(line, head, body, wrong or "Bad Request Line")
    raise SipSyntaxError("Bad Start Line")


def _response(line: re.Match[bytes], head: bytes, body: bytes, wrong: str) -> Response:
    if wrong:
        raise SipSyntaxError(wrong)
    response = Response(int(line[1]), (line[2] or b"").decode("latin-1"), *_headers(head), body)
    _check(response)
    return response


def _request(line: re.Match[bytes], head: bytes, body: bytes, wrong: str) -> Request:
    method, uri_text = line[1].decode(), line[2].decode("latin-1").strip(" \t")
    request = Request(method, uri_text, *_headers(head), body)
    try:
        if line[3].upper() != b"SIP/2.0":
            raise SipSyntaxError("Version Not Supported", 505)
        if wrong:
            raise SipSyntaxError(wrong)
        _check(request)
        if request.cseq_method != method:
            raise SipSyntaxError("CSeq Method Mismatch")
        if request.uri.headers:
            raise SipSyntaxError("Headers In Request-URI")
    except SipSyntaxError as error:
        raise SipSyntaxError(error.reason, error.status, request if _answerable(request) else None) from None
    return request


def _split(data: bytes) -> tuple[bytes, bytes, bytes]:
    """The first line, the header lines unfolded and each with its line end, and what follows the head."""
    ends = [end for empty in (b"\n\r\n", b"\n\n") if (end := data.find(empty, 0, MOST_HEAD + 3)) >= 0]
    if not ends and len(data) > MOST_HEAD:
        raise SipSyntaxError("Message Too Large", 513)
    if not ends:
        raise SipSyntaxError("No Head End")
    end = min(ends) + 1
    head, body = data[:end], data[end:]
    if head.count(b"\n") > MOST_LINES:
        raise SipSyntaxError("Too Many Headers", 513)
    start, _, head = head.partition(b"\n")
    if b"\n " in head or b"\n\t" in head:
        head = _FOLD.sub(b" ", head)
    return start.removesuffix(b"\r"), head, body[body.index(b"\n") + 1 :]


def _sized(head: bytes, body: bytes) -> bytes:
    """The body as long as the head says."""
    lengths = _LENGTH.findall(head)
    if not lengths:
        return body
    if len(lengths) > 1 or not _DIGITS.fullmatch(lengths[0]):
        raise SipSyntaxError("Bad Content-Length")
    length = int(lengths[0])
    if length > len(body):
        raise SipSyntaxError("Body Too Short")
    return body[:length]


def _headers(head: bytes) -> tuple[list[str], list[str]]:
    """Names spelled out and values of the header lines, as the library splits them."""
    shielded = _ODD.search(head) is not None
    if shielded:
        text = _PAIR.sub(_shielded, head.decode("latin-1").translate(_SHIELD))
        head = text.encode("utf-8")
    split = SipMessage.parse(b"OPTIONS sip:head SIP/2.0\r\n" + head + b"\r\n")
    names: list[str] = []
    values: list[str] = []
    for spelling, found in split.headers.items():
        name = canonical(spelling)
        for value in _parts(name, found) if name in LISTS else found:
            names.append(name)
            values.append(value.translate(_UNSHIELD) if shielded else value)
    return names, values


def _parts(name: str, values: list[str]) -> list[str]:
    """The parts of a comma list, quoted pairs shielded. The library does not know every list."""
    if name not in _SPLIT:
        text = ",".join(values)
        values = []
        at = 0
        while at <= len(text):
            match = _LIST_PART.match(text, at)
            end = match.end() if match else len(text)
            values.append(text[at:end].strip(" \t"))
            at = end + 1
    return [value for value in values if value]


def _shielded(pair: re.Match[str]) -> str:
    return "".join(chr(0xE000 + ord(char)) if char < "\x80" else char for char in pair[0])


def _check(message: Message) -> None:
    """Read everything that is to be relied on. Raises SipSyntaxError."""
    names = message._names
    for name in _ONCE:
        if names.count(name) > 1:
            raise SipSyntaxError(f"More Than One {name}")
    _ = message.vias, message.via, message.from_, message.to, message.call_id, message.cseq, message.contacts
    _ = message.routes, message.record_routes, message.content_type
    for name in _NUMBERS:
        message.number(name)


def _answerable(request: Request) -> bool:
    """Whether a response would find its way and its transaction."""
    try:
        _ = request.via
    except SipSyntaxError:
        return False
    return all(request.get(name) for name in _SINGLE)
