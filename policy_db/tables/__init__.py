"""The tables, one module for each part of the business. Nothing above `policy_db` sees them."""

from __future__ import annotations

from policy_db.tables.administration import CalendarDayRow, CalendarRow, ImportLineRow, ImportRow
from policy_db.tables.alarms import AlarmLimitRow
from policy_db.tables.base import Base, Counter, Fact
from policy_db.tables.calls import (
    AuditRow,
    CallEventRow,
    CallFlowRow,
    CallRow,
    DocumentRow,
    PreferenceRow,
    RecordingRow,
)
from policy_db.tables.claims import ClaimAnswerRow, ClaimAttachmentRow, ClaimRow, ComplaintRow
from policy_db.tables.documents import ClaimPaperRow, DocumentContentRow, LinkRow, PostBatchRow
from policy_db.tables.faxes import FaxRow
from policy_db.tables.flows import FlowCountRow, FlowFileRow, FlowVersionRow
from policy_db.tables.outreach import (
    CampaignAttemptRow,
    CampaignPersonRow,
    CampaignRow,
    OutboxRow,
    PromiseRow,
)
from policy_db.tables.people import AttemptRow, CommissionRow, ConsentRow, CustomerRow, SalespersonRow
from policy_db.tables.policies import BeneficiaryRow, CoverageRow, InstalmentRow, PaymentRow, PolicyRow
from policy_db.tables.products import ProductRow, RateRow
from policy_db.tables.prompt_pins import PromptPinRow
from policy_db.tables.retention import ErasureRow, LeaseRow, LegalHoldRow, PurgeRow, RetentionPeriodRow
from policy_db.tables.reviews import (
    CallBackRow,
    ClaimEventRow,
    ClaimReviewRow,
    DueRuleRow,
    MessageCategoryRow,
    MessageEventRow,
    MessageRow,
    TranscriptionRow,
    TranscriptRow,
)
from policy_db.tables.sales import SalesPreferenceRow
from policy_db.tables.seats import QueueRow, SeatMoveRow, SeatPauseRow, SeatRow, WaitingCallRow
from policy_db.tables.selling import (
    DoNotCallRow,
    OfferedProductRow,
    ReferralRow,
    ReferralStepRow,
    SuggestionRow,
)
from policy_db.tables.talks import DispositionRow, RoomRow, TalkRow, TalkSeatRow, WrapUpRow
from policy_db.tables.users import ApiTokenRow, SignInRow, UserRow, UserSessionRow
from policy_db.tables.workers import WorkerRow

__all__ = [
    "AlarmLimitRow",
    "ApiTokenRow",
    "AttemptRow",
    "AuditRow",
    "Base",
    "BeneficiaryRow",
    "CalendarDayRow",
    "CalendarRow",
    "CallBackRow",
    "CallEventRow",
    "CallFlowRow",
    "CallRow",
    "CampaignAttemptRow",
    "CampaignPersonRow",
    "CampaignRow",
    "ClaimAnswerRow",
    "ClaimAttachmentRow",
    "ClaimEventRow",
    "ClaimPaperRow",
    "ClaimReviewRow",
    "ClaimRow",
    "CommissionRow",
    "ComplaintRow",
    "ConsentRow",
    "Counter",
    "CoverageRow",
    "CustomerRow",
    "DispositionRow",
    "DoNotCallRow",
    "DocumentContentRow",
    "DocumentRow",
    "DueRuleRow",
    "ErasureRow",
    "Fact",
    "FaxRow",
    "FlowCountRow",
    "FlowFileRow",
    "FlowVersionRow",
    "ImportLineRow",
    "ImportRow",
    "InstalmentRow",
    "LeaseRow",
    "LegalHoldRow",
    "LinkRow",
    "MessageCategoryRow",
    "MessageEventRow",
    "MessageRow",
    "OfferedProductRow",
    "OutboxRow",
    "PaymentRow",
    "PolicyRow",
    "PostBatchRow",
    "PreferenceRow",
    "ProductRow",
    "PromiseRow",
    "PromptPinRow",
    "PurgeRow",
    "QueueRow",
    "RateRow",
    "RecordingRow",
    "ReferralRow",
    "ReferralStepRow",
    "RetentionPeriodRow",
    "RoomRow",
    "SalesPreferenceRow",
    "SalespersonRow",
    "SeatMoveRow",
    "SeatPauseRow",
    "SeatRow",
    "SignInRow",
    "SuggestionRow",
    "TalkRow",
    "TalkSeatRow",
    "TranscriptRow",
    "TranscriptionRow",
    "UserRow",
    "UserSessionRow",
    "WaitingCallRow",
    "WorkerRow",
    "WrapUpRow",
]
