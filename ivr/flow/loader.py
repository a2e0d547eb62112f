"""From a folder of YAML files to a `FlowLibrary`, or to the list of everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path

from ivr.flow.checks import check_library
from ivr.flow.dataflow import Analysis
from ivr.flow.errors import ExpressionError, FlowErrors, Problem
from ivr.flow.expressions import Expression
from ivr.flow.library import FlowLibrary, LoadedFlow
from ivr.flow.manifest import Manifest
from ivr.flow.model import Flow, Hotline
from ivr.flow.outcomes import flow_outcomes
from ivr.flow.shape import read_flow, read_hotline
from ivr.flow.types import UNKNOWN, join, parse_type
from ivr.flow.values import Type
from ivr.flow.walk import assigned_names, flow_expressions
from ivr.flow.yaml_source import Path as Place
from ivr.flow.yaml_source import Source, parse_source

HOTLINE_FILE = "hotline.yaml"


def load_flows(folder: Path, manifest: Manifest) -> FlowLibrary:
    """The flows of a folder, checked against what surrounds them; raises `FlowErrors` with every error.

    Words that sound alike are no errors and not looked for: calls may be waiting.
    """
    library, problems = examine(folder, replace(manifest, by_sound=False))
    errors = [problem for problem in problems if problem.severity == "error"]
    if library is None or errors:
        raise FlowErrors(errors)
    return library


def check_flows(folder: Path, manifest: Manifest, today: date | None = None) -> list[Problem]:
    """Everything there is to say about the flows of a folder, errors, warnings and hints, in file order.

    With `today`, calendars whose holidays are not known for the next 90 days are told too.
    """
    return examine(folder, manifest, today)[1]


def examine(
    folder: Path, manifest: Manifest, today: date | None = None
) -> tuple[FlowLibrary | None, list[Problem]]:
    """The library (None where files cannot even be read) and all problems, in file order."""
    reader = _Reader(folder, manifest)
    library = reader.read()
    if library is None:
        return None, sorted(set(reader.problems))
    analysis = Analysis(library)
    problems = sorted({*reader.problems, *check_library(_with_variables(analysis), today)})
    warnings = tuple(problem for problem in problems if problem.severity != "error")
    return replace(analysis.library, warnings=warnings), problems


def _with_variables(analysis: Analysis) -> Analysis:
    """The analysis, with each flow told the types that its variables have over the whole of it."""
    flows = {}
    for name, facts in analysis.facts.items():
        kinds = dict(facts.declared)
        for known in facts.at.values():
            for variable, kind in known.variables.items():
                kinds[variable] = join(kinds[variable], kind) if variable in kinds else kind
        others = {
            variable: UNKNOWN for variable in assigned_names(facts.loaded.flow) if variable not in kinds
        }
        flows[name] = replace(facts.loaded, variables={**kinds, **others})
    return analysis.with_flows(flows)


class _Reader:
    """Reads one folder, going on after a bad file so that all problems are shown at once."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.problems: list[Problem] = []
        self._folder = folder
        self._manifest = manifest

    def read(self) -> FlowLibrary | None:
        if not (self._folder / HOTLINE_FILE).is_file():
            remedy = f"there is no {HOTLINE_FILE}; write one: name, main flow, languages and handlers"
            self.problems.append(Problem(HOTLINE_FILE, 1, 1, "F110", f"in {self._folder.name}/ {remedy}"))
            return None
        sources = [source for path in self._files() if (source := self._parse(path)) is not None]
        hotline: tuple[Hotline, Source] | None = None
        flows: dict[str, LoadedFlow] = {}
        for source in sources:
            try:
                if source.file == HOTLINE_FILE:
                    hotline = read_hotline(source), source
                else:
                    self._add(flows, read_flow(source), source)
            except FlowErrors as error:
                self.problems.extend(error.problems)
        # A bad expression or type is left out of the graph's checks; anything else leaves no graph to check.
        if hotline is None or any(problem.code not in {"F405", "F407"} for problem in self.problems):
            return None
        version = sha256("".join(f"{s.file}={s.version};" for s in sources).encode()).hexdigest()[:16]
        return FlowLibrary(hotline[0], flows, version, self._manifest, hotline[1])

    def _files(self) -> list[Path]:
        return sorted(path for path in self._folder.rglob("*.yaml") if path.is_file())

    def _parse(self, path: Path) -> Source | None:
        file = path.relative_to(self._folder).as_posix()
        try:
            return parse_source(file, path.read_bytes())
        except FlowErrors as error:
            self.problems.extend(error.problems)
        except OSError as error:
            self.problems.append(Problem(file, 1, 1, "F101", f"the file cannot be read: {error.strerror}"))
        return None

    def _add(self, flows: dict[str, LoadedFlow], flow: Flow, source: Source) -> None:
        if flow.flow in flows:
            other = flows[flow.flow].file
            message = f"there is a flow {flow.flow!r} already, in {other}; give one of them another name"
            self.problems.append(source.problem(("flow",), "F111", message))
            return
        types = _Types(source, self.problems)
        inputs = types.record(("inputs",), flow.inputs)
        outcomes = {name: types.record(("outcomes", name), shape) for name, shape in flow.outcomes.items()}
        outcomes |= {name: {} for name in flow_outcomes(flow) if name not in outcomes}
        for name, variable in flow.vars.items():
            types.one(("vars", name, "type"), variable.type)
        expressions = _compile_all(flow, source, self.problems)
        flows[flow.flow] = LoadedFlow(flow, source, expressions, inputs, outcomes)


class _Types:
    """Reads the types that a flow declares."""

    def __init__(self, source: Source, problems: list[Problem]) -> None:
        self._source = source
        self._problems = problems

    def one(self, path: Place, written: object) -> Type:
        try:
            return parse_type(written)  # type: ignore[arg-type]
        except (ValueError, AttributeError) as error:
            self._problems.append(self._source.problem(path, "F407", str(error)))
            return UNKNOWN

    def record(self, path: Place, fields: Mapping[str, object]) -> dict[str, Type]:
        return {name: self.one((*path, name), written) for name, written in fields.items()}


def _compile_all(flow: Flow, source: Source, problems: list[Problem]) -> dict[str, Expression]:
    """Every expression of a flow, compiled; a bare word that names no variable stands for itself."""
    known = {*assigned_names(flow), "call", "company", "result", "value"}
    compiled: dict[str, Expression] = {}
    for used in flow_expressions(flow):
        try:
            expression = Expression.compile(used.text)
        except ExpressionError as error:
            problems.append(source.problem(used.path, error.code, str(error)))
            continue
        word = expression.bare_name
        if word is not None and word not in known and used.role in {"with", "set", "initial", "out"}:
            expression = Expression.word(word)
        compiled[used.text] = expression
    return compiled
