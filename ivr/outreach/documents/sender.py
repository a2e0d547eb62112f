"""Takes messages from the outbox and sends them: each once, tried again while that can help, and never in doubt.

A message is marked as handed over before its content goes to whoever carries it. If this process dies after that, the
next one finds the mark: a short message is then looked for at the provider (`since`), a mail is left for a person to
decide upon, because it may have gone out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from ivr.outreach.documents.contents import DocumentError
from ivr.outreach.documents.mail import Mail, MailError, MailServer
from ivr.outreach.documents.messages import Composed, Composer
from ivr.outreach.sms import SmsError, SmsSender
from policy_db import PolicyDatabase, PolicyDatabaseError
from policy_db.errors import NotFoundError
from policy_db.outbox import HANDED_OVER
from policy_db.outreach_facts import OutboxMessage

log = structlog.get_logger(__name__)

CHANNELS: Final = ("sms", "email")
#: Minutes until a message is tried again, the longer the oftener; after the last it is given up.
AGAIN_AFTER: Final = (1, 5, 15, 60, 180, 360, 720)
#: How long one process may take for a message before another may take it.
LEASE: Final = timedelta(minutes=5)
_EVERY: Final = 2.0
_AT_ONCE: Final = 8
Notify = Callable[[str, str], None]


class _FailedError(Exception):
    """A message was not sent: a word for the console, and in how many seconds it is tried again (None: never)."""

    def __init__(self, problem: str, again_after: float | None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.again_after = again_after


@dataclass(slots=True)
class Sender:
    """Sends what waits. Without `mail` or `sms` such messages fail with a problem that says so."""

    database: PolicyDatabase
    composer: Composer
    mail: MailServer | None
    sms: SmsSender | None
    notify: Notify = lambda topic, which: None

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop; what is being sent then is finished."""
        while not stop.is_set():
            try:
                sent = await self.once()
            except PolicyDatabaseError as error:
                log.warning("outbox not read", error=error.code)
                sent = 0
            if not sent:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _EVERY)

    async def once(self) -> int:
        """Send what is due now; how many messages were taken."""
        taken = await self.database.outbox.take(limit=_AT_ONCE, lease=LEASE, channels=CHANNELS)
        await asyncio.gather(*(self._one(message) for message in taken))
        return len(taken)

    async def _one(self, message: OutboxMessage) -> None:
        """One message to its end, whatever becomes of it; that of another never hangs on it."""
        document = str(message.facts.get("document", ""))
        try:
            composed = await self._composed(message)
            await (self._by_mail if message.channel == "email" else self._by_sms)(message, composed)
        except _FailedError as failed:
            await self._failed(message, document, failed)
        except PolicyDatabaseError as error:
            log.warning("message left for later", message=message.id, error=error.code)
        except Exception as error:
            log.error("message not sent", message=message.id, error=type(error).__name__)
            await self._failed(message, document, _FailedError("ours", self._later(message)))
        else:
            await self.database.outbox.sent(message.id)
            await self._mark(document, "sent", "")

    async def _composed(self, message: OutboxMessage) -> Composed:
        try:
            return await self.composer.compose(message)
        except DocumentError as error:
            problem = str(error).split()[-1]
            waits = problem == "no_public_url"
            raise _FailedError(problem, self._later(message) if waits else None) from None

    async def _by_mail(self, message: OutboxMessage, composed: Composed) -> None:
        if message.problem == HANDED_OVER:
            raise _FailedError("unknown_if_sent", None)
        if self.mail is None:
            raise _FailedError("no_mail_server", None)
        again = message.facts.get("again", 0)
        mail = Mail(
            to=message.address,
            subject=composed.subject,
            text=composed.text,
            message_id=f"{message.created_at:%Y%m%d}.{message.id}.{again}.{self.database.keys.fingerprint}",
            at=self.database.clock(),
            language=message.language,
            files=composed.files,
        )
        try:
            handed = await asyncio.to_thread(self.mail.hand_in, mail)
            try:
                await self.database.outbox.handing(message.id)
            except BaseException:
                handed.leave()
                raise
            await asyncio.to_thread(handed.finish)
        except MailError as error:
            raise _FailedError(error.problem, self._later(message) if error.again else None) from None

    async def _by_sms(self, message: OutboxMessage, composed: Composed) -> None:
        if self.sms is None:
            raise _FailedError("no_sms_provider", None)
        since = message.created_at if message.problem == HANDED_OVER else None
        await self.database.outbox.handing(message.id)
        try:
            await self.sms.send_sms(
                message.address, composed.text, reference=f"outbox-{message.id}", since=since
            )
        except SmsError as error:
            after = None if error.again_after is None else max(error.again_after, self._later(message) or 0.0)
            given_up = self._later(message) is None
            raise _FailedError(
                "sms_provider" if error.whole_line else "sms_refused", None if given_up else after
            ) from None

    def _later(self, message: OutboxMessage) -> float | None:
        """In how many seconds it is tried again; None when that has been done often enough."""
        if message.tries > len(AGAIN_AFTER):
            return None
        return AGAIN_AFTER[message.tries - 1] * 60.0

    async def _failed(self, message: OutboxMessage, document: str, failed: _FailedError) -> None:
        again = self._moment(failed.again_after)
        log.info("message not sent", message=message.id, problem=failed.problem, again=again is not None)
        with suppress(PolicyDatabaseError):
            await self.database.outbox.failed(message.id, failed.problem, again_at=again)
            await self._mark(document, "failed" if again is None else "queued", failed.problem)

    def _moment(self, after: float | None) -> datetime | None:
        return None if after is None else self.database.clock() + timedelta(seconds=after)

    async def _mark(self, document: str, state: str, problem: str) -> None:
        if document:
            with suppress(NotFoundError):
                await self.database.documents.mark(document, state, problem)  # type: ignore[arg-type]
            self.notify("document", document)
