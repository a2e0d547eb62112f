"""What a call flow may ask for: typed services over the policy database, each with its assurance level.

`hotline_signatures()` describes them without a database, for checking flows; `hotline_registry(database)`
runs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ivr.flow.manifest import ServiceSignature
from ivr.services.callers import CallerServices
from ivr.services.claims import ClaimServices
from ivr.services.crosssell import CrossSellServices
from ivr.services.documents import DocumentServices, SendingRules
from ivr.services.faxing import FaxRules, FaxServices
from ivr.services.identity import IdentityServices
from ivr.services.outreach import OutreachServices
from ivr.services.policies import PolicyServices
from ivr.services.products import ProductServices
from ivr.services.prompts import PromptServices, RecordsPrompts
from ivr.services.proof import ProofBook
from ivr.services.registry import (
    Outcome,
    ServiceContext,
    ServiceRegistry,
    service,
    signatures_of,
)
from ivr.services.rooms import RoomServices
from ivr.services.sales import SalesServices
from ivr.services.sales_box import SalesBoxServices
from ivr.services.suggesting import NoSuggestions, Suggests

if TYPE_CHECKING:
    from policy_db import PolicyDatabase

__all__ = [
    "FaxRules",
    "NoSuggestions",
    "Outcome",
    "ProofBook",
    "RecordsPrompts",
    "SendingRules",
    "ServiceContext",
    "ServiceRegistry",
    "Suggests",
    "hotline_registry",
    "hotline_signatures",
    "service",
    "signatures_of",
]

_ROOMS: Final = (
    CallerServices,
    ClaimServices,
    CrossSellServices,
    DocumentServices,
    FaxServices,
    IdentityServices,
    OutreachServices,
    PolicyServices,
    ProductServices,
    PromptServices,
    RoomServices,
    SalesBoxServices,
    SalesServices,
)


def hotline_signatures() -> dict[str, ServiceSignature]:
    """What the hotline's flows may `do`, by name; needs no database."""
    return signatures_of(_ROOMS)


def hotline_registry(
    database: PolicyDatabase,
    suggests: Suggests | None = None,
    recording: RecordsPrompts | None = None,
    sends: SendingRules | None = None,
    faxes: FaxRules | None = None,
) -> ServiceRegistry:
    """The hotline's services over an open database; one registry carries all calls of a worker.

    Without `suggests` nothing is ever suggested, without `recording` nobody records prompts by telephone. `sends` says
    how documents go out.
    """
    proofs = ProofBook()
    return ServiceRegistry(
        [
            CallerServices(database),
            ClaimServices(database, proofs),
            CrossSellServices(suggests or NoSuggestions()),
            DocumentServices(database, proofs, sends or SendingRules()),
            FaxServices(database, proofs, faxes or FaxRules()),
            IdentityServices(database, proofs),
            OutreachServices(database, proofs),
            PolicyServices(database, proofs),
            ProductServices(database),
            PromptServices(database, proofs, recording),
            RoomServices(database),
            SalesBoxServices(database, proofs),
            SalesServices(database, proofs),
        ],
        proofs,
    )
