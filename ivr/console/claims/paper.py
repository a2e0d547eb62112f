"""A claim on paper: facts, answers, what was done, as PDF."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Final, Protocol
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from ivr.console.claims.desk import Answer
from ivr.console.formats import Formats
from ivr.outreach.documents.fonts import font_name
from policy_db.claim_facts import ClaimCase, Duplicate
from policy_db.message_facts import HistoryEntry

_INK: Final = colors.HexColor("#16242b")
_SOFT: Final = colors.HexColor("#52646d")
_LINE: Final = colors.HexColor("#d5dde1")
_BAD: Final = colors.HexColor("#a3201f")


class _Text(Protocol):
    def __call__(self, key: str, **values: object) -> str: ...


@dataclass(frozen=True, slots=True)
class Words:
    """Texts in one language: by key, and by prefix and word."""

    t: _Text
    of: Callable[[str, str, object], str]
    language: str

    def word(self, prefix: str, value: object) -> str:
        """The text of `prefix.value`, or the value where it has none."""
        return self.of(self.language, prefix, value)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the sheet: a title, and lines of two cells."""

    title: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What goes on paper, or into a CSV file, in one language."""

    title: str
    company: str
    warning: str
    footer: str
    parts: tuple[Part, ...]


def sheet(
    words: Words,
    case: ClaimCase,
    answers: Sequence[Answer],
    duplicates: Sequence[Duplicate],
    history: Sequence[HistoryEntry],
    *,
    users: Mapping[str, str],
    company: str,
    zone: str,
    by: str,
    now: datetime,
) -> Sheet:
    """The claim as it is put on paper."""
    t, formats = words.t, Formats(words.language, ZoneInfo(zone))
    told = [(t(f"claims.question.{answer.question}"), _answer(words, formats, answer)) for answer in answers]
    done = [(formats.moment(entry.at), _deed(words, entry, users)) for entry in history]
    same = [(one.number, duplicate_text(words, one)) for one in duplicates]
    parts = (
        Part(t("claims.facts"), tuple(_facts(words, formats, case, users))),
        Part(t("claims.answers"), tuple(told)),
        Part(t("claims.duplicates"), tuple(same)),
        Part(t("claims.history"), tuple(done)),
    )
    return Sheet(
        title=t("claims.paper", number=case.number),
        company=company,
        warning="" if case.is_sure else t("claims.not_verified"),
        footer=t("claims.paper_by", who=by, at=formats.moment(now)),
        parts=tuple(part for part in parts if part.rows),
    )


def _facts(
    words: Words, formats: Formats, case: ClaimCase, users: Mapping[str, str]
) -> list[tuple[str, str]]:
    t = words.t
    paid = "" if case.paid is None else formats.money(case.paid.amount, case.paid.currency)
    rows = [
        (t("claims.column.number"), case.number),
        (t("claims.column.status"), t(f"claim_status.{case.status}")),
        (t("claims.column.reported"), formats.moment(case.submitted_at or case.begun_at)),
        (t("claims.column.policy"), case.policy),
        (t("claims.column.customer"), f"{case.customer_name} {case.customer}".strip()),
        (t("claims.column.caller"), case.caller),
        (t("claims.column.level"), t(f"level.{case.level}")),
        (t("claims.checked"), case.checked_how),
        (t("claims.column.adjuster"), users.get(case.adjuster, case.adjuster)),
        (
            t("claims.column.missing"),
            t("claims.between").join(words.word("claim_paper", item) for item in case.missing),
        ),
        (t("claims.paid"), paid),
        (t("claims.column.held"), t("common.yes") if case.held else ""),
    ]
    return [(name, value) for name, value in rows if value]


def _answer(words: Words, formats: Formats, answer: Answer) -> str:
    parts = [words.word(f"claim_answer.{answer.question}", answer.value)] if answer.value else []
    for spoken in answer.spoken:
        told = words.t("claims.spoken", id=spoken.recording.id, length=formats.span(spoken.recording.seconds))
        parts.append(told)
        if spoken.transcript is not None:
            parts.append(f"“{spoken.transcript.text}”")
    return "\n".join(parts) or "–"


def _deed(words: Words, entry: HistoryEntry, users: Mapping[str, str]) -> str:
    value = str(entry.details.get("is", entry.details.get("state", "")))
    if entry.action == "status":
        value = words.t(f"claim_status.{value}")
    elif entry.action == "missing":
        value = words.t("claims.between").join(
            words.word("claim_paper", one) for one in value.split(", ") if one
        )
    elif entry.action == "adjuster":
        value = users.get(value, value)
    elif entry.action == "called":
        value = words.t(f"call_back.{value}")
    told = f"{users.get(entry.who, entry.who)} {words.word('claim_did', entry.action)}"
    return "\n".join(part for part in (f"{told}: {value}" if value else told, entry.text) if part)


def duplicate_text(words: Words, one: Duplicate) -> str:
    """Why another claim may be the same one."""
    same = words.t("claims.between").join(words.t(f"claims.same.{what}") for what in one.same)
    return words.t("claims.same", what=same, days=one.days, status=words.t(f"claim_status.{one.status}"))


def pdf(claim: Sheet) -> bytes:
    """The sheet as PDF. Takes some ten milliseconds, so ask for it in a thread."""
    style = _style("body", 9.5)
    soft, bad = _style("soft", 8.5, color=_SOFT), _style("bad", 10.5, color=_BAD)
    story: list[Any] = [
        _words(claim.company, soft),
        _words(claim.title, _style("title", 16, above=2)),
    ]
    if claim.warning:
        story += [Spacer(0, 2 * mm), _words(claim.warning, bad)]
    for part in claim.parts:
        story += [Spacer(0, 4 * mm), _words(part.title, _style("head", 12)), Spacer(0, 1 * mm)]
        cells = [[_words(left, soft), _words(right, style)] for left, right in part.rows]
        table = Table(cells, colWidths=[40 * mm, 174 * mm - 40 * mm - 12], repeatRows=0, splitInRow=1)
        table.setStyle(
            TableStyle([
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE), ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0), ("TOPPADDING", (0, 0), (-1, -1), 3),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
            ])
        )  # fmt: skip
        story.append(table)
    file = BytesIO()
    document = SimpleDocTemplate(
        file, pagesize=A4, title=claim.title, author=claim.company,
        leftMargin=18 * mm, rightMargin=18 * mm, topMargin=16 * mm, bottomMargin=18 * mm,
    )  # fmt: skip

    def foot(canvas: Any, page: Any) -> None:
        canvas.setFont(font_name(), 8)
        canvas.setFillColor(_SOFT)
        canvas.drawString(18 * mm, 10 * mm, claim.footer)
        canvas.drawRightString(A4[0] - 18 * mm, 10 * mm, str(page.page))

    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return file.getvalue()


def _style(name: str, size: float, *, color: Any = _INK, above: float = 0) -> ParagraphStyle:
    return ParagraphStyle(
        name, fontName=font_name(), fontSize=size, leading=size * 1.45, textColor=color, alignment=TA_LEFT,
        spaceBefore=above * mm, wordWrap="CJK",
    )  # fmt: skip


def _words(value: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(value).replace("\n", "<br/>"), style)
