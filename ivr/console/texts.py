"""The console's texts: one key, every language side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from ivr.flow.yaml_source import parse_source

LANGUAGES: Final = ("zh-CN", "en")


class Texts:
    """Texts by key and language. A key is `area.word`; `{name}` in a text is filled in."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._texts: dict[str, Mapping[str, str]] = {}
        for folder in folders:
            for path in sorted(folder.glob("*.yaml")):
                self._read(path)

    def _read(self, path: Path) -> None:
        for key, texts in parse_source(path.name, path.read_bytes()).data.items():
            if key in self._texts:
                raise ValueError(f"{path}: the key {key} is there already")
            if missing := [one for one in LANGUAGES if not texts.get(one)]:
                raise ValueError(f"{path}: {key} has no text in {', '.join(missing)}")
            self._texts[key] = texts

    @property
    def keys(self) -> frozenset[str]:
        """Every key there is."""
        return frozenset(self._texts)

    def get(self, language: str, key: str, /, **values: object) -> str:
        """The text, filled in. Raises KeyError for a key that does not exist: a mistake of ours."""
        text = self._texts[key][language]
        return text.format(**values) if values else text

    def word(self, language: str, prefix: str, value: object) -> str:
        """The text of `prefix.value`, or the value itself where it has none (a company's own words)."""
        known = self._texts.get(f"{prefix}.{value}")
        return str(value) if known is None else known[language]


def chosen_language(*wishes: str) -> str:
    """The first of the wishes that the console speaks; a wish may be a whole Accept-Language header."""
    for wish in wishes:
        for part in wish.split(","):
            tag = part.split(";")[0].strip().casefold()
            for language in LANGUAGES:
                if tag and (tag == language.casefold() or tag.split("-")[0] == language.split("-")[0]):
                    return language
    return LANGUAGES[0]
