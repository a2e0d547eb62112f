"""What is asked for on the telephone arrives: by a real mail server, by post, behind a link with a code."""

from __future__ import annotations

import email
import email.policy
import io
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from PIL import Image
from pypdf import PdfReader

from ivr.console.link import uploads
from ivr.flow.values import Level, Money
from ivr.outreach.documents.cleaning import Bounds, clean
from ivr.outreach.documents.mail import MailServer
from ivr.outreach.documents.sender import Sender
from ivr.outreach.documents.sending import composer_of, maker_of
from ivr.outreach.sms import SmsError
from ivr.services.documents import DocumentServices, SendingRules
from ivr.services.errors import LevelRefusedError
from ivr.services.proof import ProofBook
from ivr.services.registry import Outcome, ServiceContext
from policy_db.documents import outbox_key
from tests.console.console_kit import Console
from tests.outreach.papers_kit import busy_pdf

POLICY = "86001234"
URL = "http://console.test"


class Mailbox:
    """What a mail server does with what it is given: keeps it, or answers as it was told to."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.answers: list[str] = []
        self.refuses: str = ""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer == "hang up":
            session.peer_gone = True
            server.transport.abort()
            return "421 gone"
        if answer.startswith("2"):
            self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return answer


@contextmanager
def mail_server(mailbox: Mailbox) -> Iterator[MailServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield MailServer("127.0.0.1", port, "off", sender="service@anhe.example", name="安和保险", timeout=5)
    finally:
        controller.stop()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def mails(mailbox: Mailbox) -> Iterator[MailServer]:
    with mail_server(mailbox) as server:
        yield server


@dataclass
class Phone:
    """A provider of short messages that keeps them, or refuses."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    error: SmsError | None = None
    name: str = "test"

    async def send_sms(self, to: str, text: str, *, reference: str = "", since: Any = None) -> str:
        if self.error is not None:
            raise self.error
        self.texts.append((to, text))
        return reference


def sender_of(console: Console, mail: MailServer | None = None, sms: Phone | None = None) -> Sender:
    parts = console.parts
    settings = parts.settings.model_copy(update={"public_url": URL})
    maker = maker_of(settings, parts.database, parts.flows, parts.catalogue)
    return Sender(parts.database, composer_of(settings, maker), mail, sms)


def services_of(console: Console, *verified: str) -> tuple[DocumentServices, ProofBook]:
    proofs = ProofBook()
    for policy in verified:
        proofs.raise_policy("call-1", policy, Level.VERIFIED)
    return DocumentServices(console.database, proofs, SendingRules()), proofs


def call(
    console: Console, key: str = "call-1:send:1", *, caller: str = "13800138000", language: str = "zh-CN"
) -> ServiceContext:
    return ServiceContext(
        "call-1",
        console.database.clock(),
        caller=caller,
        level=Level.VERIFIED,
        language=language,
        idempotency_key=key,
    )


def link_in(text: str) -> str:
    found = re.search(rf"{URL}(/d/[A-Za-z0-9_\-]{{32}})", text)
    assert found is not None
    return found[1]


def values(outcome: Outcome) -> dict[str, Any]:
    assert outcome.outcome == "ok"
    assert isinstance(outcome.value, dict)
    return outcome.value


async def test_a_notice_asked_for_on_the_telephone_is_read_behind_the_link_of_a_mail(
    console: Console, mailbox: Mailbox, mails: MailServer
) -> None:
    services, _ = services_of(console, POLICY)
    told = values(
        await services.send(call(console), kind="premium_notice", channel="email", policy_no=POLICY)
    )
    assert (
        values(await services.send(call(console), kind="premium_notice", channel="email", policy_no=POLICY))
        == told
    )
    sender = sender_of(console, mails)
    assert (await sender.once(), await sender.once()) == (1, 0)
    [mail] = mailbox.mails
    assert mail["to"] == f"policy{POLICY}@example.com"
    assert mail["message-id"].endswith("@anhe.example>")
    assert told["code"] not in mail.as_string()
    path = link_in(mail.get_body().get_content())
    client = console.client()
    assert "验证码" in (await client.get(path)).text
    assert (await client.get(f"{path}/document.pdf")).status_code == 403
    assert (
        await client.post(path, data={"answer": "000000" if told["code"] != "000000" else "1"})
    ).status_code == 422
    opened = await client.post(path, data={"answer": told["code"]})
    assert opened.status_code == 303
    assert "保费通知书" in (await client.get(path)).text
    pdf = await client.get(f"{path}/document.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert POLICY in PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text()
    stranger = console.client()
    assert (await stranger.get(f"{path}/document.pdf")).status_code == 403


async def test_a_list_of_papers_is_about_nobody_and_comes_in_the_mail_itself(
    console: Console, mailbox: Mailbox, mails: MailServer
) -> None:
    services, _ = services_of(console, POLICY)
    told = values(await services.send_guide(call(console, language="en"), channel="email", guide="motor"))
    assert told["code"] is None
    await sender_of(console, mails).once()
    [mail] = mailbox.mails
    [file] = mail.iter_attachments()
    text = PdfReader(io.BytesIO(file.get_content())).pages[0].extract_text()
    assert "Vehicle licence" in text


async def test_the_table_of_own_choices_goes_to_the_telephone_that_called(console: Console) -> None:
    services, _ = services_of(console)
    context = call(console, caller="13912345678")
    ways = values(await services.ways(context, policy_no=None))
    assert (ways["offer"], ways["tail"]) == ("s", "5678")
    told = values(
        await services.send_rates(
            context, channel="sms", product="101", age=30, sum=Money("200000"), term=20, sex="f"
        )
    )
    phone = Phone()
    await sender_of(console, sms=phone).once()
    [(to, text)] = phone.texts
    assert to == "+8613912345678"
    client = console.client()
    path = link_in(text)
    await client.post(path, data={"answer": told["code"]})
    pdf = (await client.get(f"{path}/document.pdf")).content
    assert "2,664.02" in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()


async def test_papers_about_a_policy_go_to_nobody_who_has_not_verified_it(console: Console) -> None:
    services, _ = services_of(console)
    with pytest.raises(LevelRefusedError):
        await services.send(call(console), kind="receipt", channel="sms", policy_no=POLICY)


@pytest.mark.parametrize(
    ("answers", "refuses", "state", "problem"),
    [
        (["451 later"], "", "queued", "mail_later"),
        (["554 no"], "", "failed", "mail_refused"),
        ([], "550 no such user", "failed", "address_refused"),
        (["hang up"], "", "failed", "unknown_if_sent"),
    ],
)
async def test_what_a_mail_server_answers_is_what_becomes_of_the_document(
    console: Console,
    mailbox: Mailbox,
    mails: MailServer,
    answers: list[str],
    refuses: str,
    state: str,
    problem: str,
) -> None:
    mailbox.answers, mailbox.refuses = answers, refuses
    services, _ = services_of(console, POLICY)
    await services.send(call(console), kind="receipt", channel="email", policy_no=POLICY)
    sender = sender_of(console, mails)
    await sender.once()
    [document] = [one for one in await console.database.documents.of_policy(POLICY) if one.channel == "email"]
    assert (document.state, document.problem) == (state, problem)
    assert await sender.once() == 0
    assert mailbox.mails == []


async def test_a_sender_that_died_with_a_mail_in_its_hand_sends_no_second_one(
    console: Console, mailbox: Mailbox, mails: MailServer
) -> None:
    services, _ = services_of(console, POLICY)
    await services.send(call(console), kind="receipt", channel="email", policy_no=POLICY)
    [taken] = await console.database.outbox.take(lease=timedelta(seconds=-1))
    await console.database.outbox.handing(taken.id)
    await sender_of(console, mails).once()
    assert mailbox.mails == []
    message = (await console.database.outbox.by_key(taken.key))[taken.key]
    assert (message.state, message.problem) == ("failed", "unknown_if_sent")
    client = await console.signed_in("rui")
    document = str(taken.facts["document"])
    assert (await client.post(f"/documents/{document}/again")).status_code == 303
    await sender_of(console, mails).once()
    assert len(mailbox.mails) == 1


async def test_without_a_provider_the_console_says_what_is_missing(console: Console) -> None:
    services, _ = services_of(console, POLICY)
    await services.send(call(console), kind="receipt", channel="email", policy_no=POLICY)
    await sender_of(console).once()
    client = await console.signed_in("rui")
    assert "There is no mail server" in (await client.get("/documents")).text


async def test_letters_are_printed_in_a_batch_and_marked_as_posted(console: Console) -> None:
    services, _ = services_of(console, POLICY)
    values(await services.send(call(console), kind="policy_summary", channel="post", policy_no=POLICY))
    client = await console.signed_in("rui")
    assert "Policy summary" in (await client.get("/documents/post")).text
    await client.post("/documents/post")
    [batch] = await console.database.documents.batches()
    printed = await client.get(f"/documents/post/{batch.id}.pdf")
    assert len(PdfReader(io.BytesIO(printed.content)).pages) % 2 == 0
    await client.post(f"/documents/post/{batch.id}/posted")
    [document] = await console.database.documents.of_batch(batch.id)
    assert document.state == "sent"
    assert (await console.database.outbox.by_key(outbox_key(document.id)))[
        outbox_key(document.id)
    ].state == "sent"
    assert (await client.post("/documents/post")).status_code == 409


async def test_a_code_cannot_be_guessed(console: Console) -> None:
    services, _ = services_of(console, POLICY)
    told = values(await services.send(call(console), kind="receipt", channel="sms", policy_no=POLICY))
    phone = Phone()
    await sender_of(console, sms=phone).once()
    client, path = console.client(), link_in(phone.texts[0][1])
    wrong = f"{(int(told['code']) + 1) % 1_000_000:06}"
    statuses = [(await client.post(path, data={"answer": wrong})).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]
    assert (await client.post(path, data={"answer": told["code"]})).status_code == 429
    assert (await client.get("/d/" + "A" * 32)).status_code == 404


async def claim_link(console: Console) -> tuple[httpx.AsyncClient, str, str]:
    report = await console.database.claims.begin(
        caller="13912345678", today=console.database.clock().date(), call_id="call-1"
    )
    number = await console.database.claims.submit(report.id, console.database.clock().date())
    services, _ = services_of(console)
    context = call(console, caller="13912345678", language="en")
    told = values(await services.send_claim(context, channel="sms", claim_no=number))
    phone = Phone()
    await sender_of(console, sms=phone).once()
    client, path = console.client(), link_in(phone.texts[0][1])
    await client.post(path, data={"answer": told["code"]})
    return client, path, number


def photograph() -> bytes:
    file, image = io.BytesIO(), Image.new("RGB", (640, 480), "navy")
    exif = image.getexif()
    exif[0x0110] = "SecretCamera"
    image.save(file, "JPEG", exif=exif)
    return file.getvalue()


async def test_photographs_are_added_to_a_claim_and_seen_by_whoever_handles_it(console: Console) -> None:
    client, path, number = await claim_link(console)
    files = [("files", ("..\\<b>car.jpg", photograph() + b"PK\x03\x04hidden", "text/html"))]
    reply = await client.post(f"{path}/papers", files=files)
    assert reply.status_code == 303
    await client.post(f"{path}/papers", files=files)  # a mobile network: the same once more
    assert "car.jpg" in (await client.get(path)).text
    [paper] = await console.database.claim_papers.of_claim(number)
    assert (paper.kind, paper.media_type, paper.name) == ("photo", "image/jpeg", "bcar.jpg")
    reviewer = await console.signed_in("rui")
    assert "bcar.jpg" in (await reviewer.get(f"/claims/{number}")).text
    assert paper.name in (await reviewer.get(f"/claims/{number}/papers")).text
    kept = (await reviewer.get(f"/claims/{number}/papers/{paper.id}")).content
    assert b"SecretCamera" not in kept
    assert b"hidden" not in kept
    assert photograph() not in (console.parts.settings.data_dir / "hotline.db").read_bytes()


async def test_what_is_no_paper_is_refused_with_words(console: Console) -> None:
    client, path, number = await claim_link(console)
    files = [
        ("files", ("x.jpg", b"MZ\x90\x00", "image/jpeg")),
        ("files", ("ok.jpg", photograph(), "image/jpeg")),
    ]
    reply = await client.post(f"{path}/papers", files=files)
    assert "x.jpg: we cannot take this kind of file" in reply.text
    assert len(await console.database.claim_papers.of_claim(number)) == 1
    console.app.state.parts.settings = console.parts.settings.model_copy(update={"paper_megabytes": 1})
    big = [("files", ("big.jpg", b"\xff\xd8\xff" + bytes(1_100_000), "image/jpeg"))]
    assert "too big" in (await client.post(f"{path}/papers", files=big)).text
    huge = [("files", ("big.jpg", bytes(1_200_000), "image/jpeg"))] * 9
    assert (await client.post(f"{path}/papers", files=huge)).status_code == 413
    other = await client.post(f"{path}/papers", files=files, headers={"sec-fetch-site": "cross-site"})
    assert other.status_code == 403


async def test_a_paper_that_would_keep_us_busy_is_refused_with_words_and_the_others_are_kept(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "clean", partial(clean, bounds=Bounds(seconds=1)))
    client, path, number = await claim_link(console)
    files = [
        ("files", ("bill.pdf", busy_pdf(), "application/pdf")),
        ("files", ("car.jpg", photograph(), "image/jpeg")),
    ]
    reply = await client.post(f"{path}/papers", files=files)
    assert "bill.pdf: the file is too complicated for us to check" in reply.text
    assert [one.name for one in await console.database.claim_papers.of_claim(number)] == ["car.jpg"]
