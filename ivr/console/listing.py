"""What every list has: search, filters, paging, and the same rows as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Query, Request
from fastapi.responses import StreamingResponse

T = TypeVar("T")
PAGE: Final = 50
#: Parameters of lists in the API: the page that is asked for, its rows, and the first and last day of the company's zone.
PageAsked = Annotated[int, Query(ge=1, le=10_000)]
SizeAsked = Annotated[int, Query(ge=1, le=200)]
Since = Annotated[str, Query(alias="from", max_length=10)]
Until = Annotated[str, Query(alias="to", max_length=10)]
#: A cell that begins so would be taken for a formula by a spreadsheet (OWASP, CSV injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """One page of a list. `total` may be None where counting would cost too much; `more` says if there is a next page."""

    rows: Sequence[T]
    number: int
    more: bool
    total: int | None = None
    query: Mapping[str, str] = field(default_factory=dict)

    def link(self, path: str, **changes: object) -> str:
        """The address of the same list with something changed; None or empty takes a parameter away."""
        values = {
            **self.query,
            **{name: str(value) for name, value in changes.items() if value not in (None, "")},
        }
        for name, value in changes.items():
            if value in (None, ""):
                values.pop(name, None)
        return f"{path}?{urlencode(values)}" if values else path


def page_number(request: Request) -> int:
    """The page that is asked for, from 1."""
    try:
        return max(1, min(10_000, int(request.query_params.get("page", "1"))))
    except ValueError:
        return 1


def listing(request: Request, rows: Sequence[T], *, total: int | None = None, size: int = PAGE) -> Listing[T]:
    """A page from rows that were read with one more than fits (`LIMIT size + 1`)."""
    query = {name: value for name, value in request.query_params.items() if name != "page" and value}
    return Listing(rows[:size], page_number(request), len(rows) > size, total, query)


def safe_cell(value: object) -> str:
    """A value as a CSV cell that no spreadsheet runs as a formula. Plain numbers stay what they are."""
    cell = "" if value is None else str(value)
    if cell.startswith(_FORMULA) and not _is_number(cell):
        return "'" + cell
    return cell


def csv_reply(
    name: str, header: Sequence[str], rows: AsyncIterator[Sequence[object]] | Iterable[Sequence[object]]
) -> StreamingResponse:
    """Rows as a CSV file to keep: UTF-8 with the mark that spreadsheets want, streamed."""

    async def lines() -> AsyncIterator[str]:
        yield "\ufeff" + _line(header)
        if isinstance(rows, AsyncIterator):
            async for row in rows:
                yield _line(row)
        else:
            for row in rows:
                yield _line(row)

    return StreamingResponse(
        lines(),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}.csv"'},
    )


def _line(cells: Iterable[object]) -> str:
    file = io.StringIO()
    csv.writer(file).writerow([safe_cell(cell) for cell in cells])
    return file.getvalue()


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


Cells = Callable[[Any], Sequence[object]]
