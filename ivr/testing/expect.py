"""The `expect:` of a test: lines that must come about in this order, whatever comes between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ivr.flow.library import FlowLibrary, LoadedFlow
from ivr.flow.types import coerce
from ivr.flow.values import Secret, Type, Value
from ivr.testing.moments import Moment


class Expectations:
    """The expectations of one test of one flow."""

    def __init__(self, library: FlowLibrary, flow: LoadedFlow, lines: Sequence[Mapping[str, Any]]) -> None:
        self._library = library
        self._flow = flow
        self._lines = lines

    def unmet(self, moments: Sequence[Moment]) -> tuple[int, str] | None:
        """The number of the first line that did not come about, with why; None if all did."""
        position = 0
        for number, line in enumerate(self._lines):
            if "not_said" in line:
                if any(one.what == "said" and one.name == line["not_said"] for one in moments):
                    return number, f"{line['not_said']} was said"
                continue
            first = _instant_of(moments, position) if "kept" in line else position
            found = next(
                (place for place in range(first, len(moments)) if self._fits(line, moments[place])), None
            )
            if found is None:
                return number, f"{_text(line)} did not come about{self._nearly(line, moments, position)}"
            # A variable is looked at where the call stands; it uses nothing up.
            position = max(position, found if "variable" in line else found + 1)
        return None

    def _nearly(self, line: Mapping[str, Any], moments: Sequence[Moment], position: int) -> str:
        word = next(word for word in line if word != "with")
        same = [one for one in moments if one.what == word]
        if any(self._fits(line, one) for one in moments[:position]):
            return " here; it did earlier"
        if "with" in line and any(one.name == line[word] for one in same):
            return "; it did with other values"
        return ""

    def _fits(self, line: Mapping[str, Any], moment: Moment) -> bool:
        if "variable" in line:
            return all(self._holds(name, value, moment) for name, value in line["variable"].items())
        word = next(word for word in line if word != "with")
        if word == "kept":
            return moment.what == ("kept" if line["kept"] else "discarded")
        if moment.what != word:
            return False
        value = str(line[word])
        if word == "step":
            return value in (
                f"{moment.flow}.{moment.name}",
                moment.name if moment.flow == self._flow.name else "",
            )
        if word == "outcome":
            return moment.name == value and moment.flow == self._flow.name
        return moment.name == value and self._has(line.get("with", {}), moment, self._kinds(word, value))

    def _kinds(self, word: str, name: str) -> Mapping[str, Type]:
        manifest = self._library.manifest
        if word == "said" and name in manifest.prompts:
            return manifest.prompts[name].slots
        if word == "did" and name in manifest.services:
            return manifest.services[name].inputs
        return {}

    def _has(self, wanted: Mapping[str, Any], moment: Moment, kinds: Mapping[str, Type]) -> bool:
        return all(
            slot in moment.values and _equal(moment.values[slot], value, kinds.get(slot))
            for slot, value in wanted.items()
        )

    def _holds(self, name: str, value: Any, moment: Moment) -> bool:
        if name not in moment.variables:
            return False
        return _equal(moment.variables[name], value, self._flow.variables.get(name))


def _instant_of(moments: Sequence[Moment], position: int) -> int:
    """The first moment of the instant before `position`: what is kept when a caller hangs up is kept right then."""
    if position == 0:
        return 0
    at = moments[position - 1].at
    return next(place for place, moment in enumerate(moments) if moment.at == at)


def _equal(have: Value, wanted: Any, kind: Type | None) -> bool:
    if isinstance(have, Secret):
        return have.reveal() == str(wanted)
    if kind is not None:
        try:
            wanted = coerce(wanted, kind)
        except ValueError:
            return False
    if isinstance(have, dict) and isinstance(wanted, dict):
        return all(have.get(name) == value for name, value in wanted.items())
    return bool(have == wanted)


def _text(line: Mapping[str, Any]) -> str:
    return ", ".join(f"{word}: {value}" for word, value in line.items())
