"""All that is known of a customer when it is decided whether to offer them something: a few bounded queries.

Everything is as of a moment, so that what a model learns from is what it would have been told then: a policy begun
later, a payment made later, a claim reported later or a consent given later is not seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
    union,
    union_all,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.engine import Connection

from policy_db.callers import forms
from policy_db.claim_facts import CLOSED
from policy_db.columns import UtcTime
from policy_db.do_not_call import stands_at
from policy_db.selling_facts import CustomerStanding, HeldPolicy, Offer, ReferralState
from policy_db.standing import PolicyTerms, status_on
from policy_db.store import AnyRow
from policy_db.tables import (
    CallRow,
    ClaimRow,
    ComplaintRow,
    ConsentRow,
    CustomerRow,
    DoNotCallRow,
    InstalmentRow,
    PolicyRow,
    ProductRow,
    ReferralRow,
)

PER_YEAR: Final = {"monthly": 12, "quarterly": 4, "yearly": 1, "single": 0}
THINGS: Final = ("motor", "property")
_CLAIM_YEARS: Final = timedelta(days=3 * 365)
_RECENT: Final = timedelta(days=30)
#: A draft that nobody went on with is no open claim.
_DRAFT_DAYS: Final = timedelta(days=3)
#: Of more policies, offers or consents than this nobody could make sense in a call.
_MOST: Final = 200

# The statements are made once: making one costs more than what it asks.

_PERSON = (
    CustomerRow.id,
    CustomerRow.number,
    CustomerRow.born_on,
    CustomerRow.sex,
    CustomerRow.province,
    CustomerRow.city,
    CustomerRow.occupation,
    CustomerRow.language,
    CustomerRow.phone,
)
_BY_NUMBER: Final = select(*_PERSON).where(CustomerRow.number == bindparam("number"))
_BY_POLICY: Final = (
    select(*_PERSON)
    .join(PolicyRow, PolicyRow.customer_id == CustomerRow.id)
    .where(PolicyRow.number == bindparam("policy"))
)
#: Each is about the customer of that row, the numbers they may call from, and a moment.
_CUSTOMER: Final[BindParameter[Any]] = bindparam("customer")
_NUMBERS: Final[BindParameter[Any]] = bindparam("numbers", expanding=True)
_NOW: Final = bindparam("now", type_=UtcTime())
_TODAY: Final = bindparam("today", type_=Date())
_NO_TEXTS: Final = (literal(""), literal(""), literal(""))
_NO_TIMES: Final = tuple(type_coerce(cast_to(null(), DateTime(timezone=True)), UtcTime()) for _ in range(2))
_MINE: Final = select(PolicyRow.id).where(PolicyRow.customer_id == _CUSTOMER)


def _policies_statement() -> Any:
    """Policies begun by then, or to begin, with the first instalment that was not paid by then."""
    unpaid = or_(InstalmentRow.paid < InstalmentRow.amount, InstalmentRow.paid_on > _TODAY)
    first_unpaid = (
        select(func.min(InstalmentRow.due_on))
        .where(InstalmentRow.policy_id == PolicyRow.id, unpaid)
        .correlate(PolicyRow)
        .scalar_subquery()
        .label("first_unpaid")
    )
    return (
        select(
            PolicyRow.number,
            ProductRow.code,
            ProductRow.product_class,
            ProductRow.grace_days,
            ProductRow.lapses,
            PolicyRow.sum_insured,
            PolicyRow.premium,
            PolicyRow.currency,
            PolicyRow.frequency,
            PolicyRow.started_on,
            PolicyRow.ends_on,
            PolicyRow.surrendered_on,
            first_unpaid,
        )
        .join(ProductRow, ProductRow.id == PolicyRow.product_id)
        .where(PolicyRow.customer_id == _CUSTOMER)
        .where(or_(PolicyRow.started_on <= _TODAY, PolicyRow.created_at <= _NOW))
        .order_by(PolicyRow.started_on.desc(), PolicyRow.id.desc())
        .limit(_MOST)
    )


def _history_statement() -> Any:
    """Earlier offers and words on consent, and counts of claims, complaints, listings and calls, in one answer.

    Each part goes by an index; `what` says which part a row is of.
    """
    open_claims = select(ClaimRow.id).where(
        ClaimRow.policy_id.in_(_MINE),
        ClaimRow.begun_at <= _NOW,
        or_(
            ClaimRow.status.not_in((*CLOSED, "draft")),
            and_(ClaimRow.status == "draft", ClaimRow.saved_at > bindparam("drafts", type_=UtcTime())),
        ),
    )
    drafts = select(ClaimRow.id).where(
        ClaimRow.caller.in_(_NUMBERS),
        ClaimRow.status == "draft",
        ClaimRow.begun_at <= _NOW,
        ClaimRow.policy_id.is_(None),
        ClaimRow.saved_at > bindparam("drafts", type_=UtcTime()),
    )
    things = (
        select(ClaimRow.id)
        .join(PolicyRow, PolicyRow.id == ClaimRow.policy_id)
        .join(ProductRow, ProductRow.id == PolicyRow.product_id)
        .where(PolicyRow.customer_id == _CUSTOMER, ClaimRow.status != "draft", ClaimRow.begun_at <= _NOW)
        .where(ClaimRow.begun_at > bindparam("years", type_=UtcTime()))
        .where(ProductRow.product_class.in_(THINGS))
    )
    wanted = {
        "claims": union(open_claims, drafts),
        "complaints": union(
            _complaints(ComplaintRow.customer_id == _CUSTOMER), _complaints(ComplaintRow.policy_id.in_(_MINE))
        ),
        "things": things,
        "listed": union(
            _listed(DoNotCallRow.customer == bindparam("number")), _listed(DoNotCallRow.number.in_(_NUMBERS))
        ),
        "calls": union(
            _calls(CallRow.policy_id.in_(_MINE)),
            _calls(CallRow.caller.in_(bindparam("own", expanding=True))),
        ),
    }
    counts = [
        select(literal(what), *_NO_TEXTS, *_NO_TIMES, func.count(), literal(0)).select_from(
            query.subquery(what)
        )
        for what, query in wanted.items()
    ]
    return union_all(_offers(), _consents(), *counts)


def _offers() -> Select[Any]:
    """Earlier referrals, the latest of them."""
    table = ReferralRow
    made = (
        select(table.product, table.state, table.call_id, table.flagged_at, table.changed_at)
        .where(table.customer == bindparam("number"), table.flagged_at <= _NOW)
        .order_by(table.flagged_at.desc())
        .limit(_MOST)
        .subquery("offers")
    )
    texts = (made.c.product.label("name"), made.c.state.label("state"), made.c.call_id.label("call"))
    times = (made.c.flagged_at.label("at"), made.c.changed_at.label("changed_at"))
    numbers = (literal(0).label("found"), literal(0).label("rank"))
    return select(literal("offer").label("what"), *texts, *times, *numbers)


def _consents() -> Select[Any]:
    """Every word on consent, the latest of them; `rank` tells which of two at one moment came later."""
    table = ConsentRow
    said = (
        select(table.purpose, table.at, table.given, table.id)
        .where(table.customer_id == _CUSTOMER, table.at <= _NOW)
        .order_by(table.at.desc(), table.id.desc())
        .limit(_MOST)
        .subquery("consents_said")
    )
    given = cast_to(said.c.given, Integer)
    return select(
        literal("consent"),
        said.c.purpose,
        literal(""),
        literal(""),
        said.c.at,
        _NO_TIMES[1],
        given,
        said.c.id,
    )


def _complaints(whose: ColumnElement[bool]) -> Select[Any]:
    still = or_(ComplaintRow.status != "closed", ComplaintRow.closed_on > _TODAY)
    return select(ComplaintRow.id).where(whose, still, ComplaintRow.opened_on <= _TODAY)


def _calls(whose: ColumnElement[bool]) -> Select[Any]:
    recent = bindparam("recent", type_=UtcTime())
    return select(CallRow.id).where(whose, CallRow.started_at > recent, CallRow.started_at <= _NOW)


def _listed(who: ColumnElement[bool]) -> Select[Any]:
    return select(DoNotCallRow.id).where(who, stands_at(_NOW))


_POLICIES: Final = _policies_statement()
_HISTORY: Final = _history_statement()


def customer_standing(
    connection: Connection, customer: str, policy: str, number: str, now: datetime
) -> CustomerStanding | None:
    """The standing of a customer, or of the holder of a policy, who calls from `number`; None if there is none.

    All in one go (`run_sync`): three short queries, whose coming and going would cost more than they do.
    """
    asked = {"number": customer} if customer else {"policy": policy}
    person = (connection.execute(_BY_NUMBER if customer else _BY_POLICY, asked)).first()
    if person is None:
        return None
    values = _values(person, number, now)
    policies = connection.execute(_POLICIES, values)
    held = tuple(_held(row, now.date()) for row in policies)
    history: dict[str, list[AnyRow]] = defaultdict(list)
    for row in connection.execute(_HISTORY, values):
        history[row.what].append(row)
    counts = {what: int(rows[0].found) for what, rows in history.items()}
    return CustomerStanding(
        customer=person.number,
        at=now,
        born_on=person.born_on,
        sex=person.sex,
        province=person.province,
        city=person.city,
        occupation=person.occupation,
        language=person.language,
        phone=person.phone,
        policies=held,
        consents=_latest(history["consent"]),
        open_claims=counts["claims"],
        open_complaints=counts["complaints"],
        things_claims=counts["things"],
        do_not_call=counts["listed"] > 0,
        offers=_latest_offers(history["offer"]),
        calls_30=counts["calls"],
    )


def _values(person: AnyRow, number: str, now: datetime) -> dict[str, Any]:
    """The parameters of every statement; a withheld number is nobody's."""
    own = forms(person.phone)
    return {
        "customer": person.id,
        "number": person.number,
        "numbers": sorted({*own, *forms(number)}),
        "own": list(own),
        "now": now,
        "today": now.date(),
        "drafts": now - _DRAFT_DAYS,
        "years": now - _CLAIM_YEARS,
        "recent": now - _RECENT,
    }


def _held(row: AnyRow, today: date) -> HeldPolicy:
    terms = PolicyTerms(
        row.started_on, row.ends_on, row.surrendered_on, row.grace_days, row.lapses, row.currency
    )
    status = status_on(terms, row.first_unpaid, today)
    late = 0
    if row.first_unpaid is not None and status in ("in_force", "grace", "lapsed"):
        late = max(0, (today - row.first_unpaid).days)
    return HeldPolicy(
        number=row.number,
        product=row.code,
        product_class=row.product_class,
        status=status,
        sum_insured=row.sum_insured,
        yearly=row.premium * Decimal(PER_YEAR[row.frequency]),
        frequency=row.frequency,
        started_on=row.started_on,
        ends_on=row.ends_on,
        overdue_days=late,
    )


def _latest(rows: Sequence[AnyRow]) -> dict[str, bool]:
    """The latest word on each purpose."""
    ordered = sorted(rows, key=lambda row: (row.at, row.rank))
    return {row.name: bool(row.found) for row in ordered}


def _latest_offers(rows: Sequence[AnyRow]) -> tuple[Offer, ...]:
    """Earlier offers, the latest first."""
    ordered = sorted(rows, key=lambda row: row.at, reverse=True)
    return tuple(
        Offer(row.name, cast("ReferralState", row.state), row.at, row.changed_at, row.call) for row in ordered
    )
