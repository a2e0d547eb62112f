"""The tables, one module for each part of the business. Nothing above `policy_db` sees them."""

from __future__ import annotations

from policy_db.tables.base import Base, Counter, Fact
from policy_db.tables.calls import AuditRow, CallEventRow, CallRow, DocumentRow, PreferenceRow, RecordingRow
from policy_db.tables.claims import ClaimAnswerRow, ClaimAttachmentRow, ClaimRow, ComplaintRow
from policy_db.tables.people import AttemptRow, CommissionRow, ConsentRow, CustomerRow, SalespersonRow
from policy_db.tables.policies import BeneficiaryRow, CoverageRow, InstalmentRow, PaymentRow, PolicyRow
from policy_db.tables.products import ProductRow, RateRow
from policy_db.tables.seats import QueueRow, SeatMoveRow, SeatPauseRow, SeatRow, WaitingCallRow

__all__ = [
    "AttemptRow",
    "AuditRow",
    "Base",
    "BeneficiaryRow",
    "CallEventRow",
    "CallRow",
    "ClaimAnswerRow",
    "ClaimAttachmentRow",
    "ClaimRow",
    "CommissionRow",
    "ComplaintRow",
    "ConsentRow",
    "Counter",
    "CoverageRow",
    "CustomerRow",
    "DocumentRow",
    "Fact",
    "InstalmentRow",
    "PaymentRow",
    "PolicyRow",
    "PreferenceRow",
    "ProductRow",
    "QueueRow",
    "RateRow",
    "RecordingRow",
    "SalespersonRow",
    "SeatMoveRow",
    "SeatPauseRow",
    "SeatRow",
    "WaitingCallRow",
]
