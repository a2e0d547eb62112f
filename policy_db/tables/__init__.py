"""The tables, one module for each part of the business. Nothing above `policy_db` sees them."""

from __future__ import annotations

from policy_db.tables.base import Base, Counter, Fact
from policy_db.tables.calls import AuditRow, CallEventRow, CallRow, DocumentRow, PreferenceRow, RecordingRow
from policy_db.tables.claims import ClaimAnswerRow, ClaimAttachmentRow, ClaimRow, ComplaintRow
from policy_db.tables.flows import FlowCountRow, FlowFileRow, FlowVersionRow
from policy_db.tables.people import AttemptRow, CommissionRow, ConsentRow, CustomerRow, SalespersonRow
from policy_db.tables.policies import BeneficiaryRow, CoverageRow, InstalmentRow, PaymentRow, PolicyRow
from policy_db.tables.products import ProductRow, RateRow
from policy_db.tables.seats import QueueRow, SeatMoveRow, SeatPauseRow, SeatRow, WaitingCallRow
from policy_db.tables.talks import DispositionRow, RoomRow, TalkRow, TalkSeatRow, WrapUpRow
from policy_db.tables.users import UserRow, UserSessionRow
from policy_db.tables.workers import WorkerRow

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
    "DispositionRow",
    "DocumentRow",
    "Fact",
    "FlowCountRow",
    "FlowFileRow",
    "FlowVersionRow",
    "InstalmentRow",
    "PaymentRow",
    "PolicyRow",
    "PreferenceRow",
    "ProductRow",
    "QueueRow",
    "RateRow",
    "RecordingRow",
    "RoomRow",
    "SalespersonRow",
    "SeatMoveRow",
    "SeatPauseRow",
    "SeatRow",
    "TalkRow",
    "TalkSeatRow",
    "UserRow",
    "UserSessionRow",
    "WaitingCallRow",
    "WorkerRow",
    "WrapUpRow",
]
