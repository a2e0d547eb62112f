"""What the insurer knows: customers, products, policies, claims, salespeople, and every call.

Open it once per process and share it; everything is asynchronous, on SQLite or PostgreSQL by URL alone:

    db = await PolicyDatabase.open("sqlite:////srv/hotline.db", keys=Keys.from_file(path), migrate=True)
    policy = await db.policies.find("86001234", today)                  # Policy | None
    due = await db.policies.premium_position("86001234", today)         # PremiumPosition | None
    check = await db.identity.check_id_tail("86001234", "011234", caller=…, call_id=…)  # IdentityCheck
    check = await db.identity.check_pin("86001234", "246810", caller=…, call_id=…)
    check = await db.identity.check_salesperson("1001", "112233", caller=…, call_id=…)
    product = await db.products.find("101")                             # Product | None; .all(), .quote(…)
    report = await db.claims.begin(caller=…, today=…, key=…)  # ClaimReport; .save_answer, .attach, .submit
    claim = await db.claims.status("86007777")                          # ClaimFact | None; .resumable(caller)
    month = await db.sales.commission("1001", today)                    # Commission | None
    complaint = await db.complaints.open_for("86007777")                # ComplaintFact | None
    await db.calls.begin(…); .append(call, entries); .finish(call, reason); .close_broken_off(worker)
    await db.recordings.begin(…); .progress; .finish; .keep; .discard
    await db.preferences.remember_language(caller, "zh-CN"); .profile(caller)
    await db.seats.snapshot(); .scene(call=…); .apply(move); .history(seat); .pauses(seat)  # see ivr.seats
    await db.talks.of_call(call); .of_seat(seat); .save_wrap_up(call, seat, …); .dispositions()
    await db.rooms.find(number); .add(room, pin=…, moderator_pin=…); .host(number, worker, …)
    await db.offered.all(); .save(product, by=…, version=…)             # what callers may be offered
    known = await db.suggestions.standing(customer, number, now)        # CustomerStanding; .add, .latest_of(call)
    await db.referrals.move(referral, "accepted", who="caller", at=…)   # forward only; .page, .counts, .of_seat
    await db.do_not_call.is_listed(number, customer, "sales", now)      # .add, .remove, .page
    await db.audit.add(actor, action, subject, details)
    await db.close()

Answers are the frozen records of `policy_db.facts`; failures are the errors of `policy_db.errors`, each with
a code and a remedy. What is written with a `key` is written once, however often it is asked for.
"""

from __future__ import annotations

from policy_db.database import PolicyDatabase
from policy_db.demo import build_demo, demo_table, refresh_demo
from policy_db.errors import PolicyDatabaseError
from policy_db.facts import Money
from policy_db.identity import IdentityRules
from policy_db.keys import Keys
from policy_db.migrate import downgrade, migrate, schema_revision
from policy_db.pins import PinHasher

__all__ = [
    "IdentityRules",
    "Keys",
    "Money",
    "PinHasher",
    "PolicyDatabase",
    "PolicyDatabaseError",
    "build_demo",
    "demo_table",
    "downgrade",
    "migrate",
    "refresh_demo",
    "schema_revision",
]
