"""What the parts of one worker are built from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ivr.app.content import Content
from ivr.bus import Bus
from ivr.call.company_hours import CompanyHours
from ivr.lines.base import Line
from ivr.lines.several import SeveralLines
from ivr.settings import Settings
from policy_db import PolicyDatabase

if TYPE_CHECKING:
    from ivr.lines.twilio.line import TwilioLine


@dataclass(frozen=True, slots=True)
class Place:
    """A worker before it takes calls: `name` is what the database knows it by, `line` all of its lines as one."""

    settings: Settings
    content: Content
    database: PolicyDatabase
    bus: Bus
    index: int
    name: str
    line: SeveralLines
    twilio: TwilioLine | None
    company: CompanyHours

    @property
    def trunk(self) -> Line:
        """The line that telephone calls come by."""
        return self.line.first
