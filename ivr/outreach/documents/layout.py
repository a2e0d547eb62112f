"""A letter on paper: A4, the address where a window envelope shows it (DIN 680, DL), black on white for a fax."""

from __future__ import annotations

from functools import singledispatch
from io import BytesIO
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    KeepTogether,
    NextPageTemplate,
    PageTemplate,
    Paragraph,
    Spacer,
)
from reportlab.platypus import Table as Grid

from ivr.outreach.documents import texts
from ivr.outreach.documents.fonts import font_name
from ivr.outreach.documents.letter import Facts, Figures, Letter, Part, Prose, Steps, Table

INK: Final = colors.HexColor("#16242b")
SOFT: Final = colors.HexColor("#52646d")
LINE: Final = colors.HexColor("#d5dde1")
BRAND: Final = colors.HexColor("#0b5c55")
TINT: Final = colors.HexColor("#eef5f4")
MARK: Final = colors.HexColor("#cfe7e3")
BAD: Final = colors.HexColor("#a3201f")
_LEFT, _RIGHT = 22 * mm, 20 * mm
_WIDTH = A4[0] - _LEFT - _RIGHT
_HEAD, _FOOT = 26 * mm, 22 * mm


def pdf(letter: Letter) -> bytes:
    """The letter as PDF. Takes some tens of milliseconds, so ask for it in a thread."""
    file = BytesIO()
    document = BaseDocTemplate(
        file,
        pagesize=A4,
        title=letter.title,
        author=letter.company,
        subject=letter.number,
        lang=letter.language,
    )
    first = Frame(_LEFT, _FOOT, _WIDTH, A4[1] - _HEAD - _FOOT, 0, 0, 0, 0)
    later = Frame(_LEFT, _FOOT, _WIDTH, A4[1] - _FOOT - 20 * mm, 0, 0, 0, 0)
    document.addPageTemplates([
        PageTemplate("first", [first], onPage=lambda canvas, _: _first_page(canvas, letter)),
        PageTemplate("later", [later], onPage=lambda canvas, _: _later_page(canvas, letter)),
    ])  # fmt: skip
    document.build(_story(letter), canvasmaker=_counting(letter))
    return file.getvalue()


def _story(letter: Letter) -> list[Any]:
    story: list[Any] = [NextPageTemplate("later"), *_address(letter), _words(letter.title, _style(20, BRAND))]
    story += [Spacer(0, 3 * mm), _words(letter.dear, _style(10.5)), Spacer(0, 1.5 * mm)]
    story += [_words(letter.intro, _style(10.5))]
    for part in letter.parts:
        story += [Spacer(0, 5 * mm), *_drawn(part)]
    if letter.note:
        story += [Spacer(0, 6 * mm), KeepTogether([_words(letter.note, _style(8.5, SOFT))])]
    return story


def _address(letter: Letter) -> list[Any]:
    """Whom it goes to, from 45 mm below the upper edge on, beside the number and the day."""
    t, soft, plain = letter.language, _style(8, SOFT), _style(10.5)
    left = [_words(line, plain) for line in letter.address]
    if left:
        left.insert(0, _words(f"{letter.company} · {texts.text(t, 'letter.return')}", _style(6.5, SOFT)))
    right = [
        _words(texts.text(t, "number"), soft), _words(letter.number, _style(9.5)), Spacer(0, 1.5 * mm),
        _words(texts.text(t, "date"), soft), _words(f"{letter.on:%Y-%m-%d}", _style(9.5)),
    ]  # fmt: skip
    grid = Grid([[left or "", right]], colWidths=[_WIDTH - 45 * mm, 45 * mm], hAlign="LEFT")
    grid.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)])
    high = 33 * mm if letter.address else 22 * mm
    taken = grid.wrap(_WIDTH, 100 * mm)[1]
    return [Spacer(0, (14 if letter.address else 2) * mm), grid, Spacer(0, max(4 * mm, high - taken))]


@singledispatch
def _drawn(part: Part) -> list[Any]:
    raise TypeError(type(part).__name__)


@_drawn.register
def _prose(part: Prose) -> list[Any]:
    style = _style(10.5, BAD if part.strong else INK)
    return [KeepTogether([*_heading(part.title), _words(part.text, style)])]


@_drawn.register
def _facts(part: Facts) -> list[Any]:
    cells = [[_words(name, _style(9, SOFT)), _words(value, _style(10))] for name, value in part.rows]
    grid = Grid(cells, colWidths=[48 * mm, _WIDTH - 48 * mm], hAlign="LEFT", splitInRow=1)
    grid.setStyle([
        ("LINEBELOW", (0, 0), (-1, -2), 0.4, LINE), ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (0, -1), 0), ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ])  # fmt: skip
    return [*_heading(part.title), grid]


@_drawn.register
def _figures(part: Figures) -> list[Any]:
    cells = [
        [_words(name, _style(8.5, SOFT)) for name, _ in part.rows],
        [_words(value, _style(15, BRAND)) for _, value in part.rows],
    ]
    grid = Grid(cells, colWidths=[_WIDTH / len(part.rows)] * len(part.rows), hAlign="LEFT")
    grid.setStyle([
        ("BACKGROUND", (0, 0), (-1, -1), TINT), ("LINEBEFORE", (0, 0), (0, -1), 2.5, BRAND),
        ("LEFTPADDING", (0, 0), (-1, -1), 10), ("TOPPADDING", (0, 0), (-1, 0), 8),
        ("BOTTOMPADDING", (0, 0), (-1, 0), 0), ("TOPPADDING", (0, 1), (-1, 1), 0),
        ("BOTTOMPADDING", (0, 1), (-1, 1), 10),
    ])  # fmt: skip
    return [grid]


@_drawn.register
def _table(part: Table) -> list[Any]:
    right = ParagraphStyle("right", parent=_style(9.5), alignment=TA_RIGHT)
    head_right = ParagraphStyle("head", parent=_style(8.5, SOFT), alignment=TA_RIGHT)

    def cell(text: str, column: int, plain: ParagraphStyle, number: ParagraphStyle) -> Any:
        return _words(text, number if column in part.numbers else plain)

    cells = [[cell(text, at, _style(8.5, SOFT), head_right) for at, text in enumerate(part.head)]]
    cells += [[cell(text, at, _style(9.5), right) for at, text in enumerate(row)] for row in part.rows]
    style: list[Any] = [
        ("LINEBELOW", (0, 0), (-1, 0), 1, BRAND), ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("LEFTPADDING", (0, 0), (0, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 3), ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
    ]  # fmt: skip
    if part.chosen is not None:
        row, column = part.chosen
        at = (column, row + 1)
        style += [("BACKGROUND", at, at, MARK), ("BOX", at, at, 1, BRAND)]
    grid = Grid(cells, colWidths=[_WIDTH / len(part.head)] * len(part.head), repeatRows=1, hAlign="LEFT")
    grid.setStyle(style)
    note = [Spacer(0, 1.5 * mm), _words(part.note, _style(8.5, SOFT))] if part.note else []
    return [*_heading(part.title), grid, *note]


@_drawn.register
def _steps(part: Steps) -> list[Any]:
    rows = [
        [_Box() if part.ticked else _words(f"{at}.", _style(10.5, BRAND)), _words(text, _style(10))]
        for at, text in enumerate(part.items, 1)
    ]
    grid = Grid(rows, colWidths=[8 * mm, _WIDTH - 8 * mm], hAlign="LEFT")
    grid.setStyle([
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 1), ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ("TOPPADDING", (0, 0), (0, -1), 4 if part.ticked else 1),
    ])  # fmt: skip
    return [KeepTogether([*_heading(part.title), grid])]


class _Box(Spacer):
    """A box to be ticked."""

    def __init__(self) -> None:
        super().__init__(3.4 * mm, 3.4 * mm)

    def draw(self) -> None:
        """A square of 3.4 mm."""
        self.canv.setStrokeColor(SOFT)
        self.canv.setLineWidth(0.8)
        self.canv.rect(0, 0, 3.4 * mm, 3.4 * mm)


def _heading(title: str) -> list[Any]:
    return [_words(title, _style(12.5, BRAND)), Spacer(0, 1.5 * mm)] if title else []


def _first_page(canvas: Canvas, letter: Letter) -> None:
    canvas.setFillColor(BRAND)
    canvas.rect(0, A4[1] - 4 * mm, A4[0], 4 * mm, stroke=0, fill=1)
    _shield(canvas, _LEFT, A4[1] - 19 * mm)
    canvas.setFillColor(BRAND)
    canvas.setFont(font_name(), 16)
    canvas.drawString(_LEFT + 11 * mm, A4[1] - 17 * mm, letter.company)
    canvas.setFillColor(SOFT)
    canvas.setFont(font_name(), 8.5)
    told = texts.text(letter.language, "call_us", number=letter.hotline)
    canvas.drawRightString(A4[0] - _RIGHT, A4[1] - 16.5 * mm, told)
    if letter.address:  # where it is folded for the envelope
        canvas.setStrokeColor(LINE)
        canvas.line(5 * mm, A4[1] - 105 * mm, 9 * mm, A4[1] - 105 * mm)


def _later_page(canvas: Canvas, letter: Letter) -> None:
    canvas.setFillColor(SOFT)
    canvas.setFont(font_name(), 8.5)
    canvas.drawString(_LEFT, A4[1] - 13 * mm, f"{letter.company} · {letter.title} · {letter.number}")
    canvas.setStrokeColor(LINE)
    canvas.line(_LEFT, A4[1] - 15 * mm, A4[0] - _RIGHT, A4[1] - 15 * mm)


def _shield(canvas: Canvas, x: float, y: float) -> None:
    """The company's mark, 8 mm wide."""
    path = canvas.beginPath()
    path.moveTo(x, y + 8 * mm)
    path.lineTo(x + 8 * mm, y + 8 * mm)
    path.lineTo(x + 8 * mm, y + 3.5 * mm)
    path.curveTo(x + 8 * mm, y + 1 * mm, x + 5 * mm, y - 0.8 * mm, x + 4 * mm, y - 1.2 * mm)
    path.curveTo(x + 3 * mm, y - 0.8 * mm, x, y + 1 * mm, x, y + 3.5 * mm)
    path.close()
    canvas.setFillColor(BRAND)
    canvas.drawPath(path, stroke=0, fill=1)
    canvas.setStrokeColor(colors.white)
    canvas.setLineWidth(1.6)
    canvas.lines([
        (x + 2.2 * mm, y + 3.8 * mm, x + 3.6 * mm, y + 2.3 * mm), (x + 3.6 * mm, y + 2.3 * mm, x + 6 * mm, y + 5.6 * mm),
    ])  # fmt: skip


def _counting(letter: Letter) -> type[Canvas]:
    """A canvas that writes on each page how many there are, once that is known."""

    class Counting(Canvas):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self._kept: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - reportlab's name
            self._kept.append(dict(self.__dict__))
            self._startPage()  # type: ignore[attr-defined]

        def save(self) -> None:
            for number, page in enumerate(self._kept, 1):
                self.__dict__.update(page)
                _footer(self, letter, number, len(self._kept))
                super().showPage()
            super().save()

    return Counting


def _footer(canvas: Canvas, letter: Letter, page: int, pages: int) -> None:
    canvas.setStrokeColor(LINE)
    canvas.setLineWidth(0.5)
    canvas.line(_LEFT, 16 * mm, A4[0] - _RIGHT, 16 * mm)
    canvas.setFillColor(SOFT)
    canvas.setFont(font_name(), 7.5)
    canvas.drawString(_LEFT, 11.5 * mm, letter.made)
    told = texts.text(letter.language, "page", page=page, pages=pages)
    canvas.drawRightString(A4[0] - _RIGHT, 11.5 * mm, told)


def _style(size: float, color: Any = INK) -> ParagraphStyle:
    return ParagraphStyle(
        "s",
        fontName=font_name(),
        fontSize=size,
        leading=size * 1.5,
        textColor=color,
        alignment=TA_LEFT,
        wordWrap="CJK",
    )


def _words(value: str, style: ParagraphStyle) -> Paragraph:
    if not any("\u2e80" <= letter <= "\uffef" for letter in value):
        style = ParagraphStyle("latin", parent=style, wordWrap=None)
    return Paragraph(escape(value).replace("\n", "<br/>"), style)
