"""Every kind of record that files bring in, in the order in which one needs the other."""

from __future__ import annotations

from typing import Final

from policy_db.imports.kind import Kind
from policy_db.imports.kinds_people import COMMISSIONS, CUSTOMERS, SALESPEOPLE, SEATS
from policy_db.imports.kinds_policies import BENEFICIARIES, COVERAGES, INSTALMENTS, PAYMENTS, POLICIES
from policy_db.imports.kinds_products import PRODUCTS, RATES

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        PRODUCTS,
        RATES,
        SALESPEOPLE,
        CUSTOMERS,
        POLICIES,
        COVERAGES,
        BENEFICIARIES,
        INSTALMENTS,
        PAYMENTS,
        COMMISSIONS,
        SEATS,
    )
}

_SUBJECTS: Final = {
    "customers": "customer", "policies": "policy", "products": "product", "salespeople": "salesperson",
    "seats": "seat", "rates": "product", "commissions": "salesperson", "instalments": "policy",
    "payments": "policy", "coverages": "policy", "beneficiaries": "policy",
}  # fmt: skip


def subject_of(kind: str) -> str:
    """What the audit calls a record of a kind, or the record that it belongs to."""
    return _SUBJECTS[kind]
