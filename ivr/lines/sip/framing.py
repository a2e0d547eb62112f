"""Messages out of a stream of octets: each ends where its Content-Length says (RFC 3261, section 18.3)."""

from __future__ import annotations

import re
from typing import Final

_LENGTH: Final = re.compile(
    rb"^(?:content-length|l)[ \t]*:[ \t]*(?:\r\n[ \t]+)?([^\r\n]*?)[ \t]*\r$", re.IGNORECASE | re.MULTILINE
)
_BLANK: Final = b"\r\n"
LONGEST_HEAD: Final = 16_384
LONGEST_MESSAGE: Final = 65_535


class FramingError(ValueError):
    """The stream can be read no further: where its next message begins is not known."""


class Framer:
    """Cuts a stream into messages. Holds one message at most, and what was read behind it."""

    __slots__ = ("_body", "_buffer", "_odd", "_searched", "pings")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        #: Octets of the message whose head is complete; 0 while none is.
        self._body = 0
        #: 1 after a blank line that may be the first of a pair.
        self._odd = 0
        #: How many keep-alives (two blank lines, RFC 5626, section 4.4.1) came; the reader takes them away.
        self.pings = 0

    def __len__(self) -> int:
        """Octets that wait."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add what was read."""
        self._buffer += data

    def next(self) -> bytes | None:
        """The next complete message, or None. Raises FramingError; the stream is then of no more use."""
        if not self._body and not self._head():
            return None
        if len(self._buffer) < self._body:
            return None
        message = bytes(self._buffer[: self._body])
        del self._buffer[: self._body]
        self._body = self._searched = self._odd = 0
        return message

    def _head(self) -> bool:
        """Find the end of the head, and by it the message's length."""
        if self._buffer.startswith(b"\r"):
            self._skip_blank_lines()
        end = self._buffer.find(b"\r\n\r\n", max(0, self._searched - 3), LONGEST_HEAD)
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched >= LONGEST_HEAD:
                raise FramingError("head too long")
            return False
        self._body = end + 4 + _content_length(bytes(self._buffer[: end + 2]))
        if self._body > LONGEST_MESSAGE:
            raise FramingError("message too long")
        return True

    def _skip_blank_lines(self) -> None:
        """Blank lines before a message are keep-alives: a pair asks for an answer, a single one is an answer."""
        end = 0
        while self._buffer.startswith(_BLANK, end):
            end += 2
        lines = end // 2 + self._odd
        self.pings += lines // 2
        self._odd = lines % 2
        self._searched = 0
        del self._buffer[:end]


def _content_length(head: bytes) -> int:
    """What the head says of the body's length; 0 if it says nothing. Raises FramingError."""
    found = set(_LENGTH.findall(head))
    if not found:
        return 0
    if len(found) > 1:
        raise FramingError("two lengths")
    value: bytes = found.pop()
    if not value.isdigit() or len(value) > 6:
        raise FramingError("no length")
    return int(value)
