"""The closed lists of words that services answer with; each word has a prompt in `prompts/<language>/`."""

from __future__ import annotations

from typing import Final

POLICY_STATUSES: Final = ("in_force", "grace", "lapsed", "matured", "surrendered", "pending")
PRODUCT_CLASSES: Final = ("life", "health", "motor", "property", "accident")
FREQUENCIES: Final = ("monthly", "quarterly", "yearly", "single")
CLAIM_STATES: Final = ("reported", "reviewing", "approved", "paid", "declined", "missing_documents")
CLAIM_KINDS: Final = ("traffic", "illness", "injury", "property", "death", "other")
CLAIM_DOCUMENTS: Final = (
    "id_card", "bank_account", "medical_record", "invoice", "accident_report", "police_report", "other",
)  # fmt: skip
#: Kinds that claims systems write, as the kinds that have a prompt.
_KINDS_BY_OTHER_NAMES: Final = {
    "collision": "traffic", "hospital": "illness", "accident": "injury", "water": "property",
    "fire": "property", "theft": "property",
}  # fmt: skip
CLAIM_STAGES: Final = ("when", "kind", "hurt", "where", "what", "done")
COMPLAINT_STATES: Final = ("open", "in_progress")

#: Groups of prompts that services name by a value of type `prompt`, so that no flow names their words.
SPOKEN_GROUPS: Final = ("product_name", "product_about", "coverage_name", "claim_document")


def claim_kind(stored: str) -> str:
    """A stored kind of claim as one that has a prompt; `other` for any that has none."""
    kind = _KINDS_BY_OTHER_NAMES.get(stored, stored)
    return kind if kind in CLAIM_KINDS else "other"


def claim_document(stored: str) -> str:
    """The prompt that names the papers wanted; the general one where the claim holds free text."""
    return f"claim_document.{stored if stored in CLAIM_DOCUMENTS else 'other'}"


def product_name(key: str) -> str:
    """The prompt that names a product."""
    return f"product_name.{key}"


def product_about(key: str) -> str:
    """The prompt that describes a product."""
    return f"product_about.{key}"


def coverage_name(key: str) -> str:
    """The prompt that names a benefit of a policy."""
    return f"coverage_name.{key}"
