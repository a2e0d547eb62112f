"""What each call has proved so far, so that a caller is asked once and hears only what is theirs.

The engine knows how sure it is of the caller; this book knows of which policy. It lives in the worker that
carries the call. When it is lost, the caller is asked again.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Final

from ivr.flow.values import Level

#: Calls remembered at a time; the longest untouched is forgotten first.
MOST_CALLS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Proof:
    """What one call has proved: a level for each policy, the policy spoken of last, a salesperson's number,
    the user who may record prompts."""

    policies: dict[str, Level] = field(default_factory=dict)
    latest: str | None = None
    salesperson: str | None = None
    recorder: str | None = None


class ProofBook:
    """The proofs of the calls of one worker, by call id."""

    def __init__(self, most_calls: int = MOST_CALLS) -> None:
        self._proofs: OrderedDict[str, Proof] = OrderedDict()
        self._most_calls = most_calls

    def of(self, call_id: str) -> Proof:
        """What the call has proved; empty when nothing is known of it."""
        return self._proofs.get(call_id, Proof())

    def level(self, call_id: str, policy_no: str) -> Level:
        """How sure the call is of being the holder of this policy."""
        return self.of(call_id).policies.get(policy_no, Level.ANONYMOUS)

    def raise_policy(self, call_id: str, policy_no: str, level: Level) -> None:
        """Note a proof for a policy; a level never falls."""
        proof = self.of(call_id)
        best = max(level, proof.policies.get(policy_no, Level.ANONYMOUS))
        self._keep(call_id, replace(proof, policies={**proof.policies, policy_no: best}, latest=policy_no))

    def raise_salesperson(self, call_id: str, number: str) -> None:
        """Note that the caller is this salesperson."""
        self._keep(call_id, replace(self.of(call_id), salesperson=number))

    def raise_recorder(self, call_id: str, user: str) -> None:
        """Note that the caller is this user, who may record prompts."""
        self._keep(call_id, replace(self.of(call_id), recorder=user))

    def forget(self, call_id: str) -> None:
        """The call is over. Harmless if nothing is known of it."""
        self._proofs.pop(call_id, None)

    def _keep(self, call_id: str, proof: Proof) -> None:
        self._proofs[call_id] = proof
        self._proofs.move_to_end(call_id)
        while len(self._proofs) > self._most_calls:
            self._proofs.popitem(last=False)
