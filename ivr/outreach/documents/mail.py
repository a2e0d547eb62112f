"""Mail over SMTP (RFC 5321, RFC 6409): STARTTLS or TLS, sign-in, one message on one connection.

A message is given to the server in two halves. Up to the server's 354 nothing has been sent, and any trouble may be
tried again. Then its content goes; an answer that is lost there leaves open whether it was taken, which is told as such
(`MailUnknown`), so that nobody is written to twice without a person having decided it. The Message-ID is that of the
outbox's row, so that servers that know a message by it drop a second one.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final, Literal

from ivr.errors import OutreachError

_POLICY: Final = SMTP.clone(cte_type="7bit", max_line_length=78)
_TIMEOUT: Final = 30.0
_ADDRESS: Final = re.compile(
    r"[^\s@<>\",;:\\\[\]()\x00-\x1f]{1,64}@[A-Za-z0-9.\-]{1,190}\.[A-Za-z0-9\-]{2,63}"
)


class MailError(OutreachError):
    """A mail was not sent. `again`: it may be tried again; `problem` is a word that the console has a text for."""

    code = "H761"

    def __init__(self, problem: str, *, again: bool, told: str = "") -> None:
        super().__init__(told or problem)
        self.problem = problem
        self.again = again


class MailUnknown(MailError):  # noqa: N818 - what it is
    """The content was given to the server, and no answer came: it may have been sent."""

    def __init__(self) -> None:
        super().__init__("unknown_if_sent", again=False)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one person; `files` are PDFs by name."""

    to: str
    subject: str
    text: str
    message_id: str
    at: datetime
    language: str = ""
    files: Sequence[tuple[str, bytes]] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and from whom it comes (`name` as people read it)."""

    host: str
    port: int
    security: Literal["starttls", "tls", "off"] = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""
    name: str = ""
    ca: str = ""
    timeout: float = _TIMEOUT

    def hand_in(self, mail: Mail) -> Handed:
        """Connect, and go as far as the server's word that it takes the content. Blocks. Raises MailError."""
        if not _ADDRESS.fullmatch(mail.to):
            raise MailError("bad_address", again=False)
        content = _content(self, mail)
        try:
            link = self._connect()
        except smtplib.SMTPAuthenticationError:
            raise MailError("mail_sign_in", again=True) from None
        except ssl.SSLError:
            raise MailError("mail_certificate", again=True) from None
        except (OSError, smtplib.SMTPException):
            raise MailError("mail_unreachable", again=True) from None
        try:
            _answer(link.mail(self.sender))
            _answer(link.rcpt(mail.to), address=True)
            _answer(link.docmd("DATA"), good=354)
        except MailError:
            _close(link)
            raise
        except (OSError, smtplib.SMTPException):
            _close(link)
            raise MailError("mail_unreachable", again=True) from None
        return Handed(link, content)

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self.ca or None) if self.security != "off" else None
        link: smtplib.SMTP
        if self.security == "tls":
            link = smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=context)
        else:
            link = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        try:
            link.ehlo_or_helo_if_needed()
            if self.security == "starttls":
                link.starttls(context=context)
                link.ehlo()
            if self.user:
                link.login(self.user, self.password)
        except BaseException:
            _close(link)
            raise
        return link


@dataclass(frozen=True, slots=True)
class Handed:
    """A server that waits for the content."""

    _link: smtplib.SMTP
    _content: bytes = field(repr=False)

    def finish(self) -> None:
        """Give it the content, and hear whether it was taken. Blocks. Raises MailError, or MailUnknown."""
        try:
            self._link.send(_dotted(self._content))
            reply = self._link.getreply()
        except (OSError, smtplib.SMTPException):
            raise MailUnknown from None
        else:
            _answer(reply)
        finally:
            _close(self._link)

    def leave(self) -> None:
        """Go without having given anything."""
        self._link.close()


def from_address(sender: str) -> str:
    """The address that mail comes from."""
    return sender or f"hotline@{socket.getfqdn()}"


def _content(server: MailServer, mail: Mail) -> bytes:
    message = EmailMessage(_POLICY)
    user, _, domain = server.sender.rpartition("@")
    message["From"] = Address(server.name, user, domain)
    message["To"] = mail.to
    message["Subject"] = " ".join(mail.subject.split())
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = f"<{mail.message_id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    if mail.language:
        message["Content-Language"] = mail.language
    message.set_content(mail.text)
    for name, content in mail.files:
        message.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    return message.as_bytes(policy=_POLICY)


def _dotted(content: bytes) -> bytes:
    """The content as it goes over the line: dots at the beginning of lines doubled, and its end (RFC 5321, 4.5.2)."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    lines = re.sub(rb"(?m)^\.", b"..", lines)
    return lines + (b"" if lines.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _answer(reply: tuple[int, bytes], *, good: int = 250, address: bool = False) -> None:
    code, told = reply
    if code == good or (address and code == 251):
        return
    words = told.decode("utf-8", "replace")[:200]
    if 400 <= code < 500 or code in (530, 535):
        raise MailError("mail_later" if code < 500 else "mail_sign_in", again=True, told=words)
    raise MailError("address_refused" if address else "mail_refused", again=False, told=words)


def _close(link: smtplib.SMTP) -> None:
    with contextlib.suppress(OSError, smtplib.SMTPException):
        link.quit()
    link.close()
