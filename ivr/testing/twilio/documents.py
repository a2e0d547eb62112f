"""TwiML, as Twilio reads it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass, field

#: The verbs and nouns that are known here.
_KNOWN = frozenset({
    "Response", "Say", "Play", "Pause", "Record", "Connect", "Stream", "Parameter", "Dial", "Number", "Hangup",
    "Redirect", "Reject",
})  # fmt: skip


class DocumentError(ValueError):
    """A document that Twilio would not take (its error 12100 or 12200)."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb or a noun: its name, attributes, text, and what is within it."""

    name: str
    attributes: Mapping[str, str]
    text: str
    within: tuple[Verb, ...] = field(default_factory=tuple)

    def noun(self, name: str) -> Verb | None:
        """The noun of that name in it."""
        return next((one for one in self.within if one.name == name), None)


def read_document(text: str) -> tuple[Verb, ...]:
    """The verbs of a document. Raises DocumentError."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - the answer of the program under test
    except ElementTree.ParseError as error:
        raise DocumentError(f"12100: not XML: {error}") from None
    if root.tag != "Response":
        raise DocumentError("12200: the root is no Response")
    return _verb(root).within


def _verb(element: ElementTree.Element) -> Verb:
    if element.tag not in _KNOWN:
        raise DocumentError(f"12200: {element.tag} is not known here")
    return Verb(
        element.tag, dict(element.attrib), (element.text or "").strip(), tuple(_verb(one) for one in element)
    )
