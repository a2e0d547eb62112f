"""Who is offered what: shares by age band and sex beside the group that fares best, small groups hidden.

A ratio below four fifths marks a group whose share is markedly lower than the best one's (the four-fifths rule of the
United States' Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D, used here as a mark to look at, not
as a verdict). A mark is `clear` when the ratio's interval lies below four fifths as a whole. Limits of age in the
products themselves make some differences: the page says so.

Groups of fewer than `least` people are hidden, and where one alone would be, the next smallest too: else it could be
had by subtraction from a total.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from cross_sell.proof.estimates import Estimate, ratio, share
from policy_db.proofs import Treated

#: The lower ends of the age bands, in full years.
BANDS: Final = (0, 18, 30, 40, 50, 60, 70)
FOUR_FIFTHS: Final = 0.8
#: Groups of fewer people are hidden.
LEAST: Final = 20
#: Each figure: its name, who are counted, and of whom.
_FIGURES: Final[Mapping[str, tuple[Callable[[Treated], bool], Callable[[Treated], bool]]]] = {
    "eligible": (lambda one: one.eligible, lambda _one: True),
    "offered": (lambda one: one.offered, lambda _one: True),
    "accepted": (lambda one: one.accepted, lambda one: one.offered),
    "sold": (lambda one: one.sold, lambda one: one.offered),
}
FIGURES: Final = tuple(_FIGURES)


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of one group: its share, the ratio to the best group's, and whether it lies below four fifths."""

    figure: str
    share: Estimate
    ratio: Estimate
    best: bool
    below: bool
    clear: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A group of one division (`age`, `sex`); a hidden one tells nothing but that it is there."""

    division: str
    name: str
    people: int | None
    cells: tuple[Cell, ...]

    @property
    def hidden(self) -> bool:
        """Whether it is too small to be told."""
        return self.people is None


def age_on(born_on: date, day: date) -> int:
    """Full years."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def band_of(age: int) -> str:
    """The name of an age's band: `30-39`, `70+`."""
    place = max(index for index, least in enumerate(BANDS) if age >= least or index == 0)
    if place == len(BANDS) - 1:
        return f"{BANDS[place]}+"
    return f"{BANDS[place]}-{BANDS[place + 1] - 1}"


def fairness(people: Iterable[Treated], day: date, *, least: int = LEAST) -> tuple[Group, ...]:
    """Every group of every division; ages as of that day."""
    listed = list(people)
    divisions: Mapping[str, Callable[[Treated], str]] = {
        "age": lambda one: band_of(age_on(one.born_on, day)),
        "sex": lambda one: one.sex,
    }
    return tuple(
        group
        for division, name_of in divisions.items()
        for group in _groups(division, name_of, listed, least)
    )


def _groups(
    division: str, name_of: Callable[[Treated], str], people: Sequence[Treated], least: int
) -> list[Group]:
    members: dict[str, list[Treated]] = defaultdict(list)
    for one in people:
        members[name_of(one)].append(one)
    hidden = hidden_of({name: len(listed) for name, listed in members.items()}, least)
    shown = {name: members[name] for name in sorted(members, key=_order) if name not in hidden}
    columns = {figure: _cells(figure, shown, least) for figure in FIGURES}
    groups = [
        Group(division, name, len(listed), tuple(columns[figure][name] for figure in FIGURES))
        for name, listed in shown.items()
    ]
    return groups + [Group(division, name, None, ()) for name in sorted(hidden, key=_order)]


def hidden_of(sizes: Mapping[str, int], least: int) -> set[str]:
    """Which groups are not told: the small ones, and one more where there would be one alone."""
    hidden = {name for name, size in sizes.items() if size < least}
    rest = sorted((size, name) for name, size in sizes.items() if name not in hidden)
    if len(hidden) == 1 and rest:
        hidden.add(rest[0][1])
    return hidden


def _cells(figure: str, shown: Mapping[str, Sequence[Treated]], least: int) -> dict[str, Cell]:
    counts = {name: _count(figure, listed) for name, listed in shown.items()}
    judged = {name: hits / of for name, (hits, of) in counts.items() if of >= least}
    best = max(judged, key=lambda name: judged[name], default=None)
    cells = {}
    for name, (hits, of) in counts.items():
        if of < least:
            cells[name] = Cell(figure, Estimate(None), Estimate(None), best=False, below=False, clear=False)
            continue
        other = counts[best] if best is not None else (0, 0)
        beside = ratio(hits, of, *other) if name != best else Estimate(1.0, people=of)
        below = beside.value is not None and beside.value < FOUR_FIFTHS
        clear = below and beside.high is not None and beside.high < FOUR_FIFTHS
        cells[name] = Cell(figure, share(hits, of), beside, name == best, below, clear)
    return cells


def _count(figure: str, people: Sequence[Treated]) -> tuple[int, int]:
    counted, of = _FIGURES[figure]
    whole = [one for one in people if of(one)]
    return sum(1 for one in whole if counted(one)), len(whole)


def _order(name: str) -> tuple[int, str]:
    digits = "".join(letter for letter in name.split("-")[0] if letter.isdigit())
    return (int(digits) if digits else 0, name)
