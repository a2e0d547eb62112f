"""The policy database as one object: every part of it, on one pool of connections."""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import select, text

from policy_db.administration import Administration
from policy_db.audit import Audit
from policy_db.boards import Boards
from policy_db.call_records import CallRecords
from policy_db.callers import Callers
from policy_db.calls import Calls
from policy_db.campaign_selection import CampaignSelection
from policy_db.campaigns import Campaigns
from policy_db.claim_papers import ClaimPapers
from policy_db.claim_reviews import ClaimReviews
from policy_db.claims import Claims
from policy_db.clock import Clock, utc_now
from policy_db.complaints import Complaints
from policy_db.conduct import Conduct
from policy_db.customers import Customers
from policy_db.do_not_call import DoNotCalls
from policy_db.documents import Documents
from policy_db.errors import WrongKeyError
from policy_db.faxes import Faxes
from policy_db.flow_counts import FlowCounts
from policy_db.flow_versions import FlowVersions
from policy_db.identity import Identity, IdentityRules
from policy_db.imports.records import Imports
from policy_db.keys import Keys
from policy_db.links import Links
from policy_db.messages import Messages
from policy_db.migrate import migrate as run_migrations
from policy_db.migrate import require_newest
from policy_db.offered_products import OfferedProducts
from policy_db.outbox import Outbox
from policy_db.outreach import Outreach
from policy_db.pins import PinHasher
from policy_db.policies import Policies
from policy_db.preferences import Preferences
from policy_db.products import Products
from policy_db.promises import Promises
from policy_db.prompt_pins import PromptPins
from policy_db.proofs import Proofs
from policy_db.recordings import Recordings
from policy_db.referrals import Referrals
from policy_db.reports import Reports
from policy_db.retention import Retention
from policy_db.rooms import Rooms
from policy_db.sales import Sales
from policy_db.sales_notices import SalesNotices
from policy_db.sales_people import SalesPeople
from policy_db.seats import Seats
from policy_db.store import Store
from policy_db.suggestions import Suggestions
from policy_db.tables import Fact
from policy_db.talks import Talks
from policy_db.transcriptions import Transcriptions
from policy_db.users import Users
from policy_db.workers import Workers
from policy_db.writes import insert


class PolicyDatabase:
    """Open with `await PolicyDatabase.open(…)`, close with `await close()`, or use it in `async with`."""

    def __init__(
        self,
        store: Store,
        keys: Keys,
        *,
        pins: PinHasher,
        clock: Clock,
        rules: IdentityRules,
        resume_within: timedelta,
    ) -> None:
        self.store = store
        self.keys = keys
        self.pins = pins
        self.clock = clock
        self.customers = Customers(store, keys, pins, clock)
        self.policies = Policies(store)
        self.products = Products(store)
        self.identity = Identity(store, keys, pins, clock, rules)
        self.claims = Claims(store, clock, resume_within)
        self.complaints = Complaints(store)
        self.sales = Sales(store)
        self.salespeople = SalesPeople(store, clock)
        self.conduct = Conduct(store)
        self.sales_notices = SalesNotices(store)
        self.calls = Calls(store, clock)
        self.callers = Callers(store, clock)
        self.recordings = Recordings(store, clock)
        self.messages = Messages(store, clock)
        self.transcriptions = Transcriptions(store, clock)
        self.claim_reviews = ClaimReviews(store, clock)
        self.documents = Documents(store, clock, keys)
        self.links = Links(store, clock, keys)
        self.claim_papers = ClaimPapers(store, clock, keys)
        self.faxes = Faxes(store, clock)
        self.preferences = Preferences(store, clock)
        self.seats = Seats(store)
        self.workers = Workers(store)
        self.talks = Talks(store, clock)
        self.rooms = Rooms(store, pins, clock)
        self.prompt_pins = PromptPins(store, pins, clock)
        self.boards = Boards(store, clock)
        self.call_records = CallRecords(store, clock)
        self.reports = Reports(store, clock)
        self.audit = Audit(store, clock)
        self.flow_versions = FlowVersions(store, clock)
        self.flow_counts = FlowCounts(store)
        self.imports = Imports(store, keys, clock)
        self.administration = Administration(store, keys, clock)
        self.users = Users(store, clock, keys)
        self.retention = Retention(store, clock)
        self.offered = OfferedProducts(store, clock)
        self.suggestions = Suggestions(store)
        self.referrals = Referrals(store)
        self.proofs = Proofs(store)
        self.do_not_call = DoNotCalls(store)
        self.campaigns = Campaigns(store)
        self.campaign_selection = CampaignSelection(store)
        self.outreach = Outreach(store)
        self.promises = Promises(store)
        self.outbox = Outbox(store, clock)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        keys: Keys,
        clock: Clock = utc_now,
        pins: PinHasher | None = None,
        rules: IdentityRules | None = None,
        resume_within: timedelta = timedelta(days=3),
        pool_size: int = 8,
        busy_timeout: float = 5.0,
        migrate: bool = False,
    ) -> Self:
        """Open the database at `url`, bringing its tables up to date first if `migrate`.

        `busy_timeout` is in seconds. Raises BadUrlError, DatabaseDownError, SchemaError, or WrongKeyError
        when the database was made with another key.
        """
        if migrate:
            await run_migrations(url)
        store = Store.open(url, pool_size=pool_size, busy_timeout=busy_timeout)
        try:
            await require_newest(store)
            await _check_key(store, keys)
        except BaseException:
            await store.close()
            raise
        return cls(
            store,
            keys,
            pins=pins or PinHasher(),
            clock=clock,
            rules=rules or IdentityRules(),
            resume_within=resume_within,
        )

    async def ping(self) -> None:
        """Return if the database answers. Raises DatabaseDownError or DatabaseBusyError."""
        async with self.store.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self.store.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _check_key(store: Store, keys: Keys) -> None:
    """Remember the key's fingerprint at the first opening, and insist on it ever after."""
    query = select(Fact.value).where(Fact.name == "key")
    async with store.reading() as connection:
        known = (await connection.execute(query)).scalar()
    if known is None:
        async with store.writing() as connection:
            statement = insert(store, Fact).values(name="key", value=keys.fingerprint)
            await connection.execute(statement.on_conflict_do_nothing())
            known = (await connection.execute(query)).scalar()
    if known != keys.fingerprint:
        raise WrongKeyError(
            f"This database was made with key {known}, not {keys.fingerprint}.",
            "Point to the key file it was made with; without it ID numbers stay closed.",
        )
