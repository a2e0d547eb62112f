"""What surrounds the flows, as far as checking them needs to know: services, prompts, languages.

The engine never calls any of it; the loader checks names and types against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ivr.flow.values import Level, Type


@dataclass(frozen=True, slots=True)
class ServiceSignature:
    """A service a flow may `do`: its inputs, its business outcomes with what each returns, and its level.

    `outcomes` always has `ok` unless the service has only named outcomes; `error` and `timeout` come by
    themselves. `grants` raises the caller's assurance level when that outcome comes. `idempotent` services
    may be retried.
    """

    name: str
    inputs: Mapping[str, Type]
    outcomes: Mapping[str, Type | None]
    level: Level = Level.ANONYMOUS
    grants: Mapping[str, Level] = field(default_factory=dict)
    idempotent: bool = True
    summary: str = ""


@dataclass(frozen=True, slots=True)
class PromptSignature:
    """A prompt: its slots by name with the type each wants, and the languages that have a text for it."""

    name: str
    slots: Mapping[str, Type]
    languages: frozenset[str]


#: The words of a phrase of a language that its recogniser does not know.
Unheard = Callable[[str, str], Sequence[str]]


def no_word_is_unheard(language: str, phrase: str) -> Sequence[str]:
    """Where no vocabulary is at hand."""
    return ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """All of it. Queues, mailboxes and calendars are declared in `hotline.yaml` beside the flows.

    `heard` are the languages that a recogniser exists for: in others callers press keys. `unheard`, where a
    recogniser's vocabulary is at hand, gives the words of a phrase of a language that it does not know.
    """

    services: Mapping[str, ServiceSignature]
    prompts: Mapping[str, PromptSignature]
    heard: frozenset[str] = frozenset({"zh-CN", "en"})
    unheard: Unheard = no_word_is_unheard
    #: Whether words are compared by their sound too; reading Chinese aloud takes half a second to begin with.
    by_sound: bool = True
