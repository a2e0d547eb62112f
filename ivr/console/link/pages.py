"""The policyholder's pages: the answer that opens a link, the document, the claim, how to pay."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from ivr.console.access import check_origin
from ivr.console.link.opening import answered, is_in, let_in, live, too_often
from ivr.console.link.uploads import MOST_FILES, received
from ivr.console.parts import ConsoleParts, Parts
from ivr.outreach.documents import texts
from ivr.outreach.documents.contents import DocumentError, missing_papers
from ivr.outreach.documents.making import DocumentMaker
from ivr.outreach.documents.sending import maker_of
from policy_db.claim_facts import CLOSED
from policy_db.link_facts import Link

router = APIRouter(prefix="/d")
_TOKEN: Final = 32
_HEADERS: Final = {"referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow"}


class _AwayError(Exception):
    """The link is not to be opened: a status, and the text that says why."""

    def __init__(self, status: int, key: str) -> None:
        super().__init__(key)
        self.status = status
        self.key = key


@router.get("/{token}")
async def show(request: Request, parts: Parts, token: str) -> Response:
    """The page, or the question that opens it."""
    try:
        link = await _link(request, parts, token)
    except _AwayError as away:
        return _away(request, parts, away)
    if not is_in(request, parts, link):
        return _question(request, parts, link)
    return await _page(request, parts, link)


@router.post("/{token}")
async def answer(
    request: Request, parts: Parts, token: str, answer: Annotated[str, Form(max_length=40)] = ""
) -> Response:
    """Open the link."""
    try:
        link = await _link(request, parts, token)
    except _AwayError as away:
        return _away(request, parts, away)
    opening = await answered(parts, link, answer)
    if opening == "over":
        return _away(request, parts, _AwayError(410, "link.over"), link.language)
    if opening != "right":
        return _question(request, parts, link, opening)
    path = f"/d/{token}"
    response = RedirectResponse(path, status_code=303, headers=_HEADERS)
    let_in(request, parts, response, link, path)
    await parts.database.audit.add("policyholder", "opened", f"link:{link.id}", {"kind": link.kind})
    return response


@router.get("/{token}/document.pdf")
async def document(request: Request, parts: Parts, token: str, download: bool = False) -> Response:
    """The document itself."""
    try:
        link = await _opened(request, parts, token)
        found = await parts.database.documents.find(link.document or "")
        if found is None:
            raise _AwayError(404, "link.gone")
        content = await _maker(parts).pdf(found.id)
    except _AwayError as away:
        return _away(request, parts, away)
    except DocumentError:
        return _away(request, parts, _AwayError(503, "link.failed"), link.language)
    title = _maker(parts).title(found)
    way = "attachment" if download else "inline"
    headers = {
        "content-disposition": f"{way}; filename=\"{found.kind}.pdf\"; filename*=UTF-8''{quote(title)}.pdf"
    }
    return Response(content, media_type="application/pdf", headers={**_HEADERS, **headers})


@router.post("/{token}/papers")
async def papers(request: Request, parts: Parts, token: str) -> Response:
    """Add photographs and papers to the claim."""
    check_origin(request)
    try:
        link = await _opened(request, parts, token)
        case = await parts.database.claim_reviews.find(link.claim) if link.claim else None
        if case is None or case.status in CLOSED:
            raise _AwayError(409, "claim.closed")
        got = await received(request, parts, link)
    except _AwayError as away:
        return _away(request, parts, away)
    except HTTPException as error:
        if error.status_code != 413:
            raise
        return await _page(
            request, parts, link, status=413, refused=(("upload.many", {"count": MOST_FILES}),)
        )
    if not got.refused:
        return RedirectResponse(f"/d/{token}?kept={got.kept}", status_code=303, headers=_HEADERS)
    return await _page(request, parts, link, kept=got.kept, refused=got.refused)


async def _link(request: Request, parts: ConsoleParts, token: str) -> Link:
    """The link of a token. Raises _AwayError for none, for one whose time is over, and for who asks too often."""
    if too_often(request, parts):
        raise _AwayError(429, "link.busy")
    link = await parts.database.links.find(token) if len(token) == _TOKEN else None
    if link is None:
        too_often(request, parts, wrong=True)
        raise _AwayError(404, "link.gone")
    if not live(parts, link):
        raise _AwayError(410, "link.over")
    return link


async def _opened(request: Request, parts: ConsoleParts, token: str) -> Link:
    link = await _link(request, parts, token)
    if not is_in(request, parts, link):
        raise _AwayError(403, "link.enter")
    return link


def _question(request: Request, parts: ConsoleParts, link: Link, problem: str = "") -> Response:
    status = {"": 200, "locked": 429}.get(problem, 422)
    return _html(
        request, parts, link.language, "link/question.html", status=status, link=link, problem=problem
    )


async def _page(
    request: Request,
    parts: ConsoleParts,
    link: Link,
    *,
    status: int = 200,
    kept: int = 0,
    refused: tuple[tuple[str, dict[str, object]], ...] = (),
) -> Response:
    values: dict[str, Any] = {"link": link, "path": request.url.path.removesuffix("/papers")}
    values["until"] = _maker(parts).words(link.language).moment(link.expires_at)
    brought = request.query_params.get("kept", "")
    values["kept"] = kept or (
        int(brought) if brought.isascii() and brought.isdigit() and len(brought) < 3 else 0
    )
    values["refused"] = [
        texts.text(link.language, key, **words, **_hotline(parts, key)) for key, words in refused
    ]
    found = await parts.database.documents.find(link.document) if link.document else None
    values["title"] = _maker(parts).title(found) if found else ""
    if link.kind == "claim":
        values |= await _claim(parts, link)
    if link.kind == "pay":
        values |= await _payment(parts, link)
    return _html(request, parts, link.language, f"link/{link.kind}.html", status=status, **values)


def _hotline(parts: ConsoleParts, key: str) -> dict[str, object]:
    return {"hotline": _maker(parts).company.hotline} if key == "upload.full" else {}


async def _claim(parts: ConsoleParts, link: Link) -> dict[str, Any]:
    words = _maker(parts).words(link.language)
    case = await parts.database.claim_reviews.find(link.claim)
    missing = missing_papers(words, case.missing) if case else []
    return {
        "case": case,
        "missing": missing,
        "open": case is not None and case.status not in CLOSED,
        "papers": await parts.database.claim_papers.of_claim(link.claim),
        "reported": words.day(case.reported_on) if case else "",
        "paid": words.money(case.paid) if case and case.paid else "",
        "moment": words.moment,
        "megabytes": parts.settings.paper_megabytes,
    }


async def _payment(parts: ConsoleParts, link: Link) -> dict[str, Any]:
    """What is to be paid now, which may be less than when the link was sent."""
    maker = _maker(parts)
    words, today = maker.words(link.language), parts.database.clock().astimezone(maker.zone).date()
    policy = await parts.database.policies.find(link.policy, today)
    position = await parts.database.policies.premium_position(link.policy, today)
    state = position.state if position else "nothing"
    state = state if state in ("due", "overdue", "in_grace", "lapsed", "not_yet") else "nothing"
    owed = position if state != "nothing" else None
    told = words.t(
        f"premium_notice.{state}",
        days=owed.days_overdue if owed else 0,
        day=words.day(owed.lapsed_on if owed else None),
    )
    return {
        "told": told,
        "amount": words.money(owed.amount) if owed else "",
        "due_on": words.day(owed.due_on) if owed else "",
        "grace_until": words.day(owed.grace_until) if owed and state == "in_grace" else "",
        "policy": link.policy,
        "product": words.prompt(f"product_name.{policy.product_key}") if policy else "",
        "how_to_pay": words.prompt("how_to_pay"),
    }


def _away(request: Request, parts: ConsoleParts, away: _AwayError, language: str = "") -> Response:
    language = language or _wished(request)
    hotline = _maker(parts).company.hotline
    told = texts.text(language, away.key, hotline=hotline)
    return _html(request, parts, language, "link/away.html", status=away.status, told=told)


def _wished(request: Request) -> str:
    """The language that a browser asks for, of those that policyholders' pages have."""
    known = texts.all_texts()
    for part in request.headers.get("accept-language", "").split(","):
        tag = part.split(";")[0].strip()
        found = next((one for one in known if one == tag or one.split("-")[0] == tag.split("-")[0]), None)
        if found:
            return found
    return "zh-CN"


def _html(
    request: Request, parts: ConsoleParts, language: str, template: str, *, status: int = 200, **values: Any
) -> HTMLResponse:
    company = _maker(parts).company
    known = {
        "t": partial(texts.text, language),
        "language": language,
        "company": company.called(language),
        "hotline": company.hotline,
    }
    html = request.app.state.templates.html(template, known | values)
    return HTMLResponse(html, status_code=status, headers=_HEADERS)


def _maker(parts: ConsoleParts) -> DocumentMaker:
    return maker_of(parts.settings, parts.database, parts.flows, parts.catalogue)
