"""Rules that spell whole numbers, in a small notation after Unicode's rule-based number format (UTS 35 part 3, RBNF).

A ruleset is a text: rules with the least number each is for, parted by `;` or lines, such as `0: zero; one; two`; a
rule without a number is for the next one. In a rule `<<` is the number divided by the rule's divisor, `>>` what
remains, each said by the same ruleset; `<name<`, `>name>` and `=name=` (the number itself) are said by another.
`[…]` is said only where something remains, `[…|…]` says its second part where nothing does, and `/` parts two clips.
The divisor is the highest power of ten in the rule's number, or what stands behind a stroke: `13/12: >hour>`.

Every literal is a clip of its own, and so is each number within `one_clip 0-99` of its ruleset, said as a whole; the
rules that begin within it are for no number beyond it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ivr.speech.values import NotSpeakableError

#: Rules that lead into each other deeper than this are a ring.
_DEEPEST: Final = 60
#: The most numbers of a ruleset that may be one clip each.
MOST_CLIPS: Final = 400
_TOKEN = re.compile(
    r"<(?P<quotient>\w*)<|>(?P<rest>\w*)>|=(?P<same>\w+)=|\[(?P<choice>[^\[\]]*)\]|(?P<cut>/)"
)
_LINE = re.compile(r"(\d+(?:/\d+)?):\s*(.*)")
_RANGE = re.compile(r"(\d+)-(\d+)")
_ONE_CLIP: Final = "one_clip"


class RuleError(ValueError):
    """A rule that cannot be read; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Said:
    """A part of a rule that is said by a ruleset (`name` empty: the same one): of `<` quotient, `>` rest, `=` itself."""

    of: str
    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """`[…|…]`: what is said where something remains, and where nothing does."""

    some: tuple[str | Said, ...]
    none: tuple[str | Said, ...]


#: A literal, a number said by a ruleset, or a choice. The literal `/` parts two clips.
Part = str | Said | Choice


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: from `base` up to the next rule's."""

    base: int
    divisor: int
    parts: tuple[Part, ...]

    def chosen(self, some: bool) -> Iterator[str | Said]:
        """Its parts where something remains, or nothing does."""
        for part in self.parts:
            if isinstance(part, Choice):
                yield from part.some if some else part.none
            else:
                yield part

    def variants(self) -> Iterator[tuple[str | Said, ...]]:
        """Its parts in each way that they can be said."""
        yield tuple(self.chosen(some=False))
        if self.divisor > 1:
            yield tuple(self.chosen(some=True))


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Rules by rising base, and the numbers that are one clip each."""

    name: str
    rules: tuple[Rule, ...]
    clips: range = range(0)

    def rule(self, number: int) -> Rule:
        """The rule for a number; NotSpeakableError below the first."""
        for rule in reversed(self.rules):
            if rule.base <= number:
                if rule.base in self.clips and number not in self.clips:
                    break
                return rule
        raise NotSpeakableError(f"no rule of {self.name} says {number}")


@dataclass(frozen=True, slots=True)
class Rulesets:
    """All rulesets of a language."""

    named: Mapping[str, Ruleset]
    _inventories: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)

    def spell(self, name: str, number: int) -> list[str]:
        """The clips that say `number` (0 or more) by the ruleset `name`, in order."""
        return list(_clips(self._atoms(self.named[name], number, 0)))

    def inventory(self, name: str) -> tuple[str, ...]:
        """Every clip that a ruleset can give."""
        if name not in self._inventories:
            found: dict[str, None] = {}
            self._gather(name, found, set())
            self._inventories[name] = tuple(found)
        return self._inventories[name]

    def _atoms(self, ruleset: Ruleset, number: int, depth: int) -> Iterator[str]:
        """The literals of a number, spaces and all; a whole number that is one clip is one of them, between cuts."""
        if depth > _DEEPEST:
            raise NotSpeakableError(f"the rules of {ruleset.name} lead in a ring")
        atoms = self._parts(ruleset, number, depth)
        if number in ruleset.clips:
            whole = "".join(atom for atom in atoms if atom != "/")
            yield from ("/", whole, "/")
        else:
            yield from atoms

    def _parts(self, ruleset: Ruleset, number: int, depth: int) -> Iterator[str]:
        rule = ruleset.rule(number)
        for part in rule.chosen(number % rule.divisor > 0):
            if isinstance(part, str):
                yield part
                continue
            other = self.named[part.name] if part.name else ruleset
            value = {"<": number // rule.divisor, ">": number % rule.divisor, "=": number}[part.of]
            yield "/"
            yield from self._atoms(other, value, depth + 1)
            yield "/"

    def _gather(self, name: str, found: dict[str, None], seen: set[str]) -> None:
        if name in seen:
            return
        seen.add(name)
        ruleset = self.named[name]
        for number in ruleset.clips:
            if ruleset.rules[0].base <= number:
                found.update(dict.fromkeys(self.spell(name, number)))
        for rule in ruleset.rules:
            if rule.base in ruleset.clips:
                continue
            for parts in rule.variants():
                literals = [part if isinstance(part, str) else "/" for part in parts]
                found.update(dict.fromkeys(_clips(literals)))
                for part in parts:
                    if isinstance(part, Said):
                        self._gather(part.name or name, found, seen)


def _clips(atoms: Iterator[str] | list[str]) -> Iterator[str]:
    """Clips between cuts, with single spaces within."""
    gathered = ""
    for atom in (*atoms, "/"):
        if atom != "/":
            gathered += atom
            continue
        clip = " ".join(gathered.split())
        if clip:
            yield clip
        gathered = ""


def read_ruleset(name: str, written: str) -> Ruleset:
    """A ruleset as it is written; RuleError says what is wrong."""
    rules: list[Rule] = []
    clips = range(0)
    for line in filter(None, map(str.strip, re.split(r"[;\n]", written))):
        if line.startswith(_ONE_CLIP):
            clips = _clip_range(line.removeprefix(_ONE_CLIP))
            continue
        match = _LINE.fullmatch(line)
        key, text = (match[1], match[2]) if match else (str(rules[-1].base + 1 if rules else 0), line)
        rules.append(_rule(key, text))
        if len(rules) > 1 and rules[-1].base <= rules[-2].base:
            raise RuleError(f"the rule for {key} stands behind a later one; put them in order")
    if not rules:
        raise RuleError(
            f"{name} has no rules; write the least number of each with what is said: 20: twenty[ >>]"
        )
    return Ruleset(name, tuple(rules), clips)


def _clip_range(written: str) -> range:
    match = _RANGE.fullmatch(written.strip())
    if match is None or not 0 <= int(match[2]) - int(match[1]) < MOST_CLIPS:
        raise RuleError(f"one_clip is a range of at most {MOST_CLIPS} numbers, such as one_clip 0-99")
    return range(int(match[1]), int(match[2]) + 1)


def _rule(key: str, text: str) -> Rule:
    base, _, written_divisor = key.partition("/")
    divisor = int(written_divisor or 10 ** max(0, len(base) - 1))
    if not 1 <= divisor <= max(1, int(base)):
        raise RuleError(f"the divisor of {key} must be from 1 to {base}")
    rule = Rule(int(base), divisor, tuple(_read(text)))
    for part in rule.chosen(some=True):
        if isinstance(part, Said) and part.of != "=" and divisor == 1:
            raise RuleError(f"the rule for {key} cannot be divided; use =name=")
    return rule


def _read(text: str) -> Iterator[Part]:
    at = 0
    for match in _TOKEN.finditer(text):
        if match.start() > at:
            yield _literal(text[at : match.start()])
        at = match.end()
        if match["cut"]:
            yield "/"
        elif match["choice"] is not None:
            some, _, none = match["choice"].partition("|")
            yield Choice(tuple(_read_flat(some)), tuple(_read_flat(none)))
        elif match["same"]:
            yield Said("=", match["same"])
        else:
            yield Said("<", match["quotient"]) if match["quotient"] is not None else Said(">", match["rest"])
    if at < len(text):
        yield _literal(text[at:])


def _read_flat(text: str) -> Iterator[str | Said]:
    """The parts within a choice; a choice within a choice is not read as one (`_TOKEN`)."""
    return (part for part in _read(text) if not isinstance(part, Choice))


def _literal(text: str) -> str:
    if set(text) & set("<>=[]|"):
        raise RuleError(f"{text!r} cannot be read; write <<, >>, =name=, or a text without these signs")
    return text
