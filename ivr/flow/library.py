"""Flows that were loaded and may answer calls: frozen, so that a running call keeps its version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.flow.errors import Problem
from ivr.flow.expressions import Expression
from ivr.flow.manifest import Manifest
from ivr.flow.model import Flow, Hotline
from ivr.flow.values import Level, Type
from ivr.flow.yaml_source import Source

LEVELS: Mapping[str, Level] = {level.name.lower(): level for level in Level}


@dataclass(frozen=True, slots=True)
class LoadedFlow:
    """One flow with everything resolved.

    `expressions` holds each expression of the flow by its text, compiled; a bare word that stands for a code
    is there as that word. `variables` gives each variable's type (over the whole flow), `inputs` and
    `outcomes` the flow's typed face. `source` knows the place of everything in the file.
    """

    flow: Flow
    source: Source = field(repr=False)
    expressions: Mapping[str, Expression] = field(repr=False)
    inputs: Mapping[str, Type]
    outcomes: Mapping[str, Mapping[str, Type]]
    variables: Mapping[str, Type] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The flow's name."""
        return self.flow.flow

    @property
    def version(self) -> str:
        """The hash of the file's content."""
        return self.source.version

    @property
    def file(self) -> str:
        """The file, relative to the folder of the flows."""
        return self.source.file

    @property
    def level(self) -> Level:
        """The least level of a caller that this flow may be called with."""
        return LEVELS[self.flow.level]

    def position(self, step: str, *path: str | int) -> tuple[int, int]:
        """Line and column, from 1, of a step's name or of something in it: `position("who", "on")`."""
        place = self.source.key_place(("steps", step, *path))
        return place.line, place.column

    def expression(self, text: str) -> Expression:
        """The compiled expression written as `text` in this flow."""
        return self.expressions[text]


@dataclass(frozen=True, slots=True)
class FlowLibrary:
    """A hotline and its flows as one version. `version` is a hash over all the files."""

    hotline: Hotline
    flows: Mapping[str, LoadedFlow]
    version: str
    manifest: Manifest = field(repr=False)
    source: Source = field(repr=False)
    #: Warnings and hints found when it was loaded.
    warnings: tuple[Problem, ...] = ()

    def __getitem__(self, name: str) -> LoadedFlow:
        return self.flows[name]

    def flow_for(self, number: str) -> str:
        """The flow that answers a call to `number`."""
        return self.hotline.numbers.get(number, self.hotline.main)
