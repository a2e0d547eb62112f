"""Each kind of document from what the database knows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from ivr.errors import OutreachError
from ivr.outreach.documents.letter import Facts, Figures, Letter, Part, Prose, Steps, Table
from ivr.outreach.documents.words import Company, Words
from ivr.services.words import CLAIM_DOCUMENTS, claim_kind
from policy_db import PolicyDatabase
from policy_db.facts import Customer, Document, NotOffered, Policy, PremiumPosition, Product, Quote

#: What belongs to a policyholder, and is given to nobody else.
PERSONAL: Final = ("policy_summary", "premium_notice", "receipt")
OPEN: Final = ("rate_table", "claim_guide")
KINDS: Final = (*PERSONAL, "claim_report", *OPEN)
GUIDES: Final = ("medical", "critical", "motor", "property", "death")
#: Payments that a receipt lists beside the latest, at most.
_MOST_PAYMENTS: Final = 11


class DocumentError(OutreachError):
    """A document cannot be made: its policy, claim or product is not there (any more)."""

    code = "H760"


@dataclass(frozen=True, slots=True)
class Body:
    """What is said in a document, before it is a letter."""

    title: str
    intro: str
    parts: tuple[Part, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Maker:
    """What the contents of one document are made with."""

    database: PolicyDatabase
    company: Company
    words: Words
    document: Document
    today: date

    async def letter(self) -> Letter:
        """The document. Raises DocumentError."""
        w = self.words
        body = await _BODIES[self.document.kind](self)
        customer = await self._customer()
        name = customer.name if customer else w.t("customer")
        return Letter(
            kind=self.document.kind,
            number=self.document.id[:12].upper(),
            language=w.language,
            title=body.title,
            company=self.company.called(w.language),
            hotline=self.company.hotline,
            on=self.today,
            dear=w.t("dear", name=name),
            intro=body.intro,
            parts=body.parts,
            note=body.note,
            made=w.t("made", company=self.company.called(w.language)),
            address=_address(customer) if customer and self.document.channel == "post" else (),
        )

    async def _customer(self) -> Customer | None:
        return await self.database.customers.find(self.document.customer) if self.document.customer else None

    async def policy(self) -> Policy:
        """The policy of the document."""
        number = self.document.policy
        found = await self.database.policies.find(number, self.today) if number else None
        if found is None:
            raise DocumentError("The policy of this document is not there.")
        return found

    async def position(self, policy: Policy) -> PremiumPosition | None:
        """Where the policy stands with its premium."""
        return await self.database.policies.premium_position(policy.number, self.today)


def _address(customer: Customer) -> tuple[str, ...]:
    """As it is written on an envelope, the postcode first (GB/T 1416)."""
    place = "".join((customer.province, customer.city if customer.city not in customer.province else ""))
    street = customer.address.removeprefix(place)
    return tuple(line for line in (customer.postcode, f"{place}{street}", customer.name) if line)


def _policy_rows(w: Words, policy: Policy) -> tuple[tuple[str, str], ...]:
    return (
        (w.t("policy_no"), policy.number),
        (w.t("product"), w.prompt(f"product_name.{policy.product_key}")),
        (w.t("holder"), policy.holder),
        *([(w.t("insured"), policy.insured)] if policy.insured != policy.holder else []),
    )


async def policy_summary(maker: Maker) -> Body:
    """What a policy is: its term, sum, premium, benefits and beneficiaries."""
    w, policy = maker.words, await maker.policy()
    position = await maker.position(policy)
    rows = [
        *_policy_rows(w, policy),
        (w.t("status"), w.prompt(f"policy_status.{policy.status}")),
        (w.t("started_on"), w.day(policy.started_on)),
        (w.t("ends_on"), w.day(policy.ends_on) if policy.ends_on else w.t("whole_life")),
        (w.t("frequency"), w.prompt(f"pay_frequency.{policy.frequency}")),
    ]
    if position is not None and position.paid_to:
        rows.append((w.t("paid_to"), w.day(position.paid_to)))
    benefits = Table(
        (w.t("benefit"), w.t("sum_insured"), w.t("deductible")),
        tuple(
            (
                w.prompt(f"coverage_name.{one.key}"),
                w.money(one.sum_insured),
                w.money(one.deductible) if one.deductible.amount else "–",
            )
            for one in policy.coverages
        ),
        title=w.t("benefits"),
        numbers=(1, 2),
    )  # fmt: skip
    figures = Figures(
        ((w.t("sum_insured"), w.money(policy.sum_insured)), (w.t("premium"), w.money(policy.premium)))
    )
    return Body(
        w.t("policy_summary.title"),
        w.t("policy_summary.intro", day=w.day(maker.today)),
        (figures, Facts(tuple(rows)), benefits, *_beneficiaries(w, policy)),
        w.t("policy_summary.note"),
    )


def _beneficiaries(w: Words, policy: Policy) -> tuple[Part, ...]:
    if policy.product_class not in ("life", "health", "accident"):
        return ()
    if not policy.beneficiaries:
        return (Prose(w.t("legal_heirs"), w.t("beneficiaries")),)
    head = tuple(w.t(key) for key in ("rank", "beneficiary", "relation", "share"))
    rows = tuple(
        (str(one.rank), one.name, w.word("relation", one.relation), f"{one.share.normalize():f} %")
        for one in policy.beneficiaries
    )
    return (Table(head, rows, title=w.t("beneficiaries"), numbers=(3,)),)


async def premium_notice(maker: Maker) -> Body:
    """What is owed, by when, and how to pay it."""
    w, policy = maker.words, await maker.policy()
    position = await maker.position(policy)
    state = position.state if position is not None else "nothing"
    state = state if state in ("due", "overdue", "in_grace", "lapsed", "not_yet") else "nothing"
    parts: list[Part] = []
    days, lapsed = 0, None
    if position is not None and state != "nothing":
        days, lapsed = position.days_overdue, position.lapsed_on
        owed = w.t("next_premium" if state == "not_yet" else "amount_due")
        figures = [(owed, w.money(position.amount)), (w.t("due_on"), w.day(position.due_on))]
        if state == "in_grace":
            figures.append((w.t("grace_until"), w.day(position.grace_until)))
        parts.append(Figures(tuple(figures)))
    parts.append(Facts(_policy_rows(w, policy)))
    if state != "nothing":
        parts.append(Prose(w.prompt("how_to_pay"), w.t("how_to_pay")))
    intro = w.t(f"premium_notice.{state}", days=days, day=w.day(lapsed))
    return Body(w.t("premium_notice.title"), intro, tuple(parts), w.t("premium_notice.note"))


async def receipt(maker: Maker) -> Body:
    """That premiums were paid: the latest one, and those before it."""
    w, policy = maker.words, await maker.policy()
    payments = sorted(await maker.database.policies.payments(policy.number), key=lambda one: one.paid_on)[
        ::-1
    ]
    if not payments:
        return Body(w.t("receipt.title"), w.t("receipt.none"), (Facts(_policy_rows(w, policy)),))
    last = payments[0]
    parts: list[Part] = [
        Figures(((w.t("receipt.amount"), w.money(last.amount)), (w.t("receipt.paid_on"), w.day(last.paid_on)))),
        Facts((
            *_policy_rows(w, policy),
            (w.t("receipt.for"), w.day(last.due_on)),
            (w.t("receipt.method"), _method(w, last.method)),
            (w.t("receipt.reference"), last.reference),
        ), w.t("receipt.latest")),
    ]  # fmt: skip
    earlier = tuple(
        (w.short_day(one.paid_on), w.short_day(one.due_on), _method(w, one.method), w.money(one.amount))
        for one in payments[1 : _MOST_PAYMENTS + 1]
    )
    if earlier:
        head = tuple(w.t(f"receipt.{key}") for key in ("paid_on", "for", "method", "amount"))
        parts.append(Table(head, earlier, title=w.t("receipt.earlier"), numbers=(3,)))
    return Body(w.t("receipt.title"), w.t("receipt.intro"), tuple(parts), w.t("receipt.note"))


def _method(w: Words, method: str) -> str:
    return w.word("method", method)


async def rate_table(maker: Maker) -> Body:
    """What a product costs for a caller's own choices, and for others beside them."""
    w, facts = maker.words, maker.document.facts
    product = await maker.database.products.find(str(facts.get("product", "")), maker.today)
    if product is None:
        raise DocumentError("This product is not on sale.")
    age, term, sex = int(facts["age"]), int(facts["term"]), facts.get("sex") or None
    chosen = Decimal(str(facts["sum"]))
    table = await _rates(maker, product, age, term, chosen, sex)
    name = w.prompt(f"product_name.{product.key}")
    rows = [
        (w.t("product"), name),
        (w.t("rate_table.age"), w.t("rate_table.years", years=age)),
        *([(w.t("rate_table.sex"), w.t(f"rate_table.{sex}"))] if sex in ("m", "f") else []),
        (w.t("rate_table.term"), w.t("rate_table.term_years", years=term)),
    ]
    offer = await _quote(maker, product, age, term, chosen, sex)
    figures = Figures((
        (w.t("sum_insured"), w.money(offer.sum_insured if offer else None)),
        (w.t(f"rate_table.per.{product.frequency}"), w.money(offer.premium if offer else None)),
    ))  # fmt: skip
    limits = w.t(
        "rate_table.range", least_age=product.least_age, most_age=product.most_age,
        least_sum=w.money(product.least_sum), most_sum=w.money(product.most_sum),
    )  # fmt: skip
    parts = (
        figures, Facts(tuple(rows)), table, Prose(w.prompt(f"product_about.{product.key}"), w.t("rate_table.about")),
        Prose(limits, w.t("rate_table.offered")),
    )  # fmt: skip
    return Body(w.t("rate_table.title"), w.t("rate_table.intro", product=name), parts, w.t("rate_table.note"))


async def _quote(
    maker: Maker, product: Product, age: int, term: int, amount: Decimal, sex: Any
) -> Quote | None:
    answer = await maker.database.products.quote(
        product.code, maker.today, age=age, sum_insured=amount, term=term, sex=sex
    )
    return None if answer is None or isinstance(answer, NotOffered) else answer


async def _rates(maker: Maker, product: Product, age: int, term: int, chosen: Decimal, sex: Any) -> Table:
    """Terms down, sums across, the caller's own marked."""
    w, currency = maker.words, product.least_sum.currency
    wanted = {chosen, chosen / 2, chosen * 2, chosen * Decimal("1.5")}
    sums = sorted(
        one.quantize(Decimal(1))
        for one in wanted
        if product.least_sum.amount <= one <= product.most_sum.amount or one == chosen
    )
    terms = sorted({*product.terms, term})
    rows = []
    for years in terms:
        quotes = [await _quote(maker, product, age, years, amount, sex) for amount in sums]
        cells = [w.money(one.premium if one else None) for one in quotes]
        rows.append((w.t("rate_table.term_years", years=years), *cells))
    head = (w.t("rate_table.term"), *(w.money(type(product.least_sum)(one, currency)) for one in sums))
    at = (terms.index(term), 1 + sums.index(chosen.quantize(Decimal(1))))
    numbers = tuple(range(1, len(head)))
    note = w.t("rate_table.chosen")
    return Table(head, tuple(rows), title=w.t("rate_table.others"), numbers=numbers, chosen=at, note=note)


async def claim_guide(maker: Maker) -> Body:
    """How to make a claim, and which papers it needs: for one kind of claim, or for all."""
    w, wanted = maker.words, maker.document.facts.get("guide", "")
    guides = (wanted,) if wanted in GUIDES else GUIDES
    steps = tuple(w.t(f"claim_guide.step.{number}") for number in range(1, 6))
    lists = tuple(
        Steps(
            tuple(w.items(f"claim_guide.{guide}.papers")),
            f"{w.t('claim_guide.papers')} – {w.t(f'claim_guide.{guide}')}",
            ticked=True,
        )
        for guide in guides
    )
    parts = (Steps(steps, w.t("claim_guide.steps")), *lists)
    return Body(w.t("claim_guide.title"), w.t("claim_guide.intro"), parts, w.t("claim_guide.note"))


async def claim_report(maker: Maker) -> Body:
    """That a claim was reported, and what was said."""
    w, number = maker.words, maker.document.claim
    case = await maker.database.claim_reviews.find(number) if number else None
    record = await maker.database.claims.find(number) if case else None
    if case is None or record is None:
        raise DocumentError("The claim of this document is not there.")
    figures = (
        (w.t("claim_report.claim_no"), case.number),
        (w.t("claim_report.reported"), w.day(case.reported_on)),
    )
    rows = [(w.t("claim.status"), w.t(f"claim.{case.status}"))]
    if case.policy:
        rows.append((w.t("policy_no"), case.policy))
    if case.paid is not None:
        rows.append((w.t("claim_report.paid"), w.money(case.paid)))
    told = [
        (w.t(f"claim_report.{field}"), _answer(w, field, record.answers, record.recordings))
        for field in ("when", "kind", "hurt", "where", "what")
    ]
    parts: list[Part] = [
        Figures(figures),
        Facts(tuple(rows)),
        Facts(tuple(told), w.t("claim_report.facts")),
    ]
    if case.missing:
        parts.append(Steps(tuple(missing_papers(w, case.missing)), w.t("claim_report.missing"), ticked=True))
    parts.append(Steps(tuple(w.t(f"claim_report.next.{one}") for one in (1, 2, 3)), w.t("claim_report.next")))
    return Body(w.t("claim_report.title"), w.t("claim_report.intro"), tuple(parts), w.t("claim_guide.note"))


def missing_papers(w: Words, missing: tuple[str, ...]) -> list[str]:
    """The papers that a claim still needs, in words; a reviewer's own words stay as they are."""
    return [w.prompt(f"claim_document.{one}") if one in CLAIM_DOCUMENTS else one for one in missing]


def _answer(w: Words, field: str, answers: Mapping[str, str], spoken: Mapping[str, tuple[str, ...]]) -> str:
    value = answers.get(field, "")
    if field == "kind" and value:
        return w.prompt(f"claim_kind.{claim_kind(value)}")
    if field == "hurt" and value in ("yes", "no", "unknown"):
        return w.t(value)
    return value or (w.t("claim_report.spoken") if spoken.get(field) else "–")


_BODIES: Final[Mapping[str, Callable[[Maker], Awaitable[Body]]]] = {
    "policy_summary": policy_summary,
    "premium_notice": premium_notice,
    "receipt": receipt,
    "rate_table": rate_table,
    "claim_guide": claim_guide,
    "claim_report": claim_report,
}
