"""Checks of names, types and trust at every step, with what is known when the call comes there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ivr.flow.checks_languages import check_texts
from ivr.flow.dataflow import COLLECTED, Analysis, FlowFacts, Known, way_without
from ivr.flow.errors import ExpressionError, UnknownTypeError, suggest
from ivr.flow.expressions import Expression
from ivr.flow.library import LEVELS
from ivr.flow.manifest import ServiceSignature
from ivr.flow.model import (
    ROOM,
    SELLER,
    SENDER,
    CallStep,
    CollectStep,
    DoStep,
    LanguageStep,
    MenuStep,
    ReturnStep,
    SetStep,
    TransferStep,
    VoicemailStep,
)
from ivr.flow.report import Report
from ivr.flow.types import assignable, type_text
from ivr.flow.values import Type
from ivr.flow.walk import assigned_names, language_expression, step_prompts
from ivr.flow.yaml_source import Path

#: The name of the level, as it is said to the author.
LEVEL_NAMES = {level: name for name, level in LEVELS.items()}


def check_types(analysis: Analysis, facts: FlowFacts, report: Report) -> None:
    """Everything about names and types of one flow."""
    checker = _StepChecker(analysis, facts, report)
    for name, variable in facts.loaded.flow.vars.items():
        if variable.initial is not None:
            checker.fits(variable.initial, ("vars", name, "initial"), facts.declared[name], {}, name)
    for name, known in facts.at.items():
        checker.check(name, known)


class _StepChecker:
    def __init__(self, analysis: Analysis, facts: FlowFacts, report: Report) -> None:
        self._analysis = analysis
        self._facts = facts
        self._report = report
        self._loaded = facts.loaded
        self._manifest = analysis.library.manifest
        self._names = assigned_names(facts.loaded.flow)

    def check(self, name: str, known: Known) -> None:
        step = self._loaded.flow.steps[name]
        at: Path = ("steps", name)
        self._prompts(name, step, known)
        if isinstance(step, SetStep):
            self._assignments((*at, "set"), step.set, known)
        elif isinstance(step, MenuStep):
            self._choices(at, step, known)
        elif isinstance(step, CollectStep):
            self._collect(at, step, known)
        elif isinstance(step, DoStep):
            self._service(at, step, known)
        elif isinstance(step, CallStep):
            self._call(at, step, known)
        elif isinstance(step, ReturnStep):
            self._return(at, step, known)
        elif isinstance(step, TransferStep):
            for slot, text in step.transfer.with_.items():
                self._value(text, (*at, "transfer", "with", slot), self._scope(known), name)
            for way, kind in ((ROOM, "digits"), (SELLER, "digits"), (SENDER, "text")):
                whom = getattr(step.transfer, way)
                if whom is not None:
                    self._fits(whom, (*at, "transfer", way), Type(kind), self._scope(known), name, "F403")
        elif isinstance(step, VoicemailStep) and step.owner is not None:
            self._fits(step.owner, (*at, "owner"), Type("digits"), self._scope(known), name, "F403")
        elif isinstance(step, LanguageStep) and (code := language_expression(step)) is not None:
            self._fits(code, (*at, "language"), Type("code"), self._scope(known), name, "F403")
        if not isinstance(step, ReturnStep):
            self._branches(at, step)

    def _collect(self, at: Path, step: CollectStep, known: Known) -> None:
        name = str(at[1])
        if step.valid is not None:
            scope = self._scope(known, value=COLLECTED[step.type])
            self._condition(step.valid, (*at, "valid"), scope, name)
        if step.likely is not None:
            wanted = Type("list", item=Type("digits"))
            self._fits(step.likely, (*at, "likely"), wanted, self._scope(known), name, "F403")

    def fits(self, text: str, path: Path, wanted: Type, variables: Mapping[str, Type], name: str) -> None:
        """An initial value must fit its declared type."""
        self._fits(text, path, wanted, self._analysis.scope(variables), "", "F403", name)

    def _scope(self, known: Known, **more: Type) -> dict[str, Type]:
        return self._analysis.scope(known.variables, **more)

    def _value(self, text: str, path: Path, scope: Mapping[str, Type], step: str) -> Type | None:
        """The type of an expression, or None where it is wrong; what is wrong is reported."""
        expression = self._loaded.expressions.get(text)
        if expression is None or self._unset(expression, path, scope, step):
            return None
        try:
            return expression.check(scope)
        except UnknownTypeError:
            return None
        except ExpressionError as error:
            self._report.error(path, error.code, str(error))
            return None

    def _condition(self, text: str, path: Path, scope: Mapping[str, Type], step: str) -> None:
        expression = self._loaded.expressions.get(text)
        if expression is None or self._unset(expression, path, scope, step):
            return
        try:
            expression.check_condition(scope)
        except UnknownTypeError:
            return
        except ExpressionError as error:
            self._report.error(path, error.code, str(error))

    def _unset(self, expression: Expression, path: Path, scope: Mapping[str, Type], step: str) -> bool:
        """Reports variables of the flow that are not set on every way to this step."""
        missing = sorted(n for n in expression.names if n not in scope and n in self._names)
        for name in missing:
            self._report_unset(name, path, step)
        return bool(missing)

    def _report_unset(self, name: str, path: Path, step: str) -> None:
        way = way_without(self._analysis, self._facts, name, step) if step else None
        shown = f" on the way {' → '.join(way)}" if way else " here"
        remedy = "set it before, or declare it in `vars` with an initial value"
        self._report.error(path, "F408", f"{name!r} has not been set{shown}; {remedy}")

    def _fits(
        self,
        text: str,
        path: Path,
        wanted: Type,
        scope: Mapping[str, Type],
        step: str,
        code: str,
        filled: str = "",
    ) -> None:
        kind = self._value(text, path, scope, step)
        if kind is None or assignable(kind, wanted):
            return
        what = f"{filled or path[-1]!s}"
        expression = self._loaded.expressions[text]
        if kind.optional and assignable(replace(kind, optional=False), wanted):
            message = f"{what!r} wants {type_text(wanted)}, but `{text}` may have no value; test it before"
            self._report.error(path, "F404", message)
        elif expression == Expression.word(text):
            hint = suggest(text, wanted.words or [*scope])
            message = f"{what!r} wants {type_text(wanted)}, and there is no variable {text!r}{hint}"
            self._report.error(path, "F401" if not wanted.words else code, message)
        else:
            quoted = f"; a text has quotes of its own: \"'{text}'\"" if text.isdigit() else ""
            message = f"{what!r} wants {type_text(wanted)}, but `{text}` is {type_text(kind)}{quoted}"
            self._report.error(path, code, message)

    def _assignments(self, at: Path, lines: Mapping[str, str], known: Known) -> None:
        scope, step = self._scope(known), str(at[1])
        for name, text in lines.items():
            declared = self._facts.declared.get(name)
            if declared is None:
                scope[name] = self._value(text, (*at, name), scope, step) or Type("unknown")
            else:
                self._fits(text, (*at, name), declared, scope, step, "F403")
                scope[name] = declared

    def _choices(self, at: Path, step: MenuStep, known: Known) -> None:
        for key, choice in step.choices.items():
            here = known
            if choice.if_ is not None:
                self._condition(choice.if_, (*at, "choices", key, "if"), self._scope(known), str(at[1]))
                here = self._analysis.assume(self._loaded, choice.if_, known, truth=True)
            self._assignments((*at, "choices", key, "set"), choice.set, here)

    def _branches(self, at: Path, step: Any) -> None:
        """Each condition is checked with what the lines before it, having failed, say."""
        name = str(at[1])
        first = next((edge for edge in self._facts.graph.edges[name] if edge.cause == "when"), None)
        if first is None:
            return
        done = replace(first, cause="outcome")
        known = self._analysis.after(self._loaded.name, done, self._facts.at[name])
        for number, branch in enumerate(step.when):
            if branch.if_ is not None:
                self._condition(branch.if_, (*at, "when", number, "if"), self._scope(known), name)
                known = self._analysis.assume(self._loaded, branch.if_, known, truth=False)

    def _service(self, at: Path, step: DoStep, known: Known) -> None:
        service = self._manifest.services.get(step.do)
        if service is None:
            hint = suggest(step.do, self._manifest.services)
            self._report.error((*at, "do"), "F409", f"there is no service {step.do!r}{hint}")
            return
        self._arguments(at, step.with_, service.inputs, known, f"the service {step.do}")
        self._retry(at, step, service)
        if step.into is not None and not any(kind is not None for kind in service.outcomes.values()):
            message = f"{step.do} gives nothing back; take `into` away"
            self._report.error((*at, "into"), "F413", message)
        if known.level < service.level:
            way = f"needs a caller who is {LEVEL_NAMES[service.level]}"
            here = f"but one who is {LEVEL_NAMES[known.level]} can come here"
            remedy = "identify the caller before, or give this flow a `level`"
            self._report.error((*at, "do"), "F501", f"{step.do} {way}, {here}; {remedy}")

    def _retry(self, at: Path, step: DoStep, service: ServiceSignature) -> None:
        if step.retry is not None and step.retry.times and not service.idempotent:
            message = f"{step.do} must not be run twice; take `retry` away"
            self._report.error((*at, "retry"), "F414", message)

    def _arguments(
        self, at: Path, given: Mapping[str, str], wanted: Mapping[str, Type], known: Known, whose: str
    ) -> None:
        for name, text in given.items():
            path = (*at, "with", name)
            if name not in wanted:
                self._report.error(
                    path, "F410", f"{whose} takes no {name!r}{suggest(name, wanted)}", at_key=True
                )
            else:
                self._fits(text, path, wanted[name], self._scope(known), str(at[1]), "F412")
        for name, kind in wanted.items():
            if name not in given and not kind.optional:
                message = f"{whose} needs {name!r} ({type_text(kind)}); write it under `with`"
                self._report.error(at, "F411", message, at_key=True)

    def _call(self, at: Path, step: CallStep, known: Known) -> None:
        callee = self._analysis.library.flows.get(step.call)
        if callee is None:
            hint = suggest(step.call, self._analysis.library.flows)
            self._report.error((*at, "call"), "F415", f"there is no flow {step.call!r}{hint}")
            return
        self._arguments(at, step.with_, callee.inputs, known, f"the flow {step.call}")
        if known.level < callee.level:
            message = (
                f"{step.call} may only be called for one who is {LEVEL_NAMES[callee.level]}, "
                f"but one who is {LEVEL_NAMES[known.level]} can come here; identify the caller before"
            )
            self._report.error((*at, "call"), "F502", message)
        for name, text in step.out.items():
            self._out(at, step, callee.outcomes, name, text, known)

    def _out(
        self,
        at: Path,
        step: CallStep,
        outcomes: Mapping[str, Mapping[str, Type]],
        name: str,
        text: str,
        known: Known,
    ) -> None:
        expression, path = self._loaded.expressions.get(text), (*at, "out", name)
        if expression is None:
            return
        wanted = expression.fields_of("result")
        fitting = [fields for fields in outcomes.values() if wanted <= fields.keys()]
        if not fitting:
            every = {field for fields in outcomes.values() for field in fields}
            odd = next((field for field in sorted(wanted) if field not in every), min(wanted, default=""))
            message = f"no outcome of {step.call} carries {odd!r}{suggest(odd, every)}"
            self._report.error(path, "F402", message)
            return
        declared = self._facts.declared.get(name)
        for fields in fitting:
            scope = self._scope(known, result=Type("record", fields=fields))
            if declared is None:
                self._value(text, path, scope, str(at[1]))
            else:
                self._fits(text, path, declared, scope, str(at[1]), "F403")

    def _return(self, at: Path, step: ReturnStep, known: Known) -> None:
        if step.return_ in self._loaded.outcomes:
            wanted = self._loaded.outcomes[step.return_]
            self._arguments(at, step.with_, wanted, known, f"the outcome {step.return_}")

    def _prompts(self, name: str, step: Any, known: Known) -> None:
        given: dict[str, str] = {} if isinstance(step, DoStep | CallStep | ReturnStep) else _given(step)
        used: set[str] = set()
        unknown = False
        for prompt in step_prompts(name, step):
            signature = self._manifest.prompts.get(prompt.prompt)
            if signature is None:
                hint = suggest(prompt.prompt, self._manifest.prompts)
                self._report.error(prompt.path, "F601", f"there is no prompt {prompt.prompt!r}{hint}")
                unknown = True
                continue
            languages = self._analysis.library.hotline.languages
            check_texts(self._report, prompt.path, prompt.prompt, signature.languages, languages)
            own = {"value": COLLECTED[step.type]} if prompt.own and isinstance(step, CollectStep) else {}
            for slot, kind in signature.slots.items():
                wanted = replace(kind, words=())
                if slot in given and not prompt.filler:
                    used.add(slot)
                    path: Path = ("steps", name, "with", slot)
                    self._fits(given[slot], path, wanted, self._scope(known), name, "F605")
                else:
                    self._slot(prompt.path, prompt.prompt, slot, wanted, {**known.variables, **own}, name)
        for slot in given:
            if slot not in used and not unknown and not _keeps_details(step):
                message = f"no prompt of this step has a slot {slot!r}"
                self._report.error(("steps", name, "with", slot), "F604", message, at_key=True)

    def _slot(
        self, path: Path, prompt: str, slot: str, wanted: Type, variables: Mapping[str, Type], step: str
    ) -> None:
        kind = variables.get(slot)
        if kind is None and slot in self._names:
            self._report_unset(slot, path, step)
        elif kind is None:
            remedy = f"write `with: {{{slot}: ...}}`"
            message = f"the prompt {prompt!r} speaks {slot!r} ({type_text(wanted)}); {remedy}"
            self._report.error(path, "F603", message)
        elif not assignable(kind, wanted):
            missing = kind.optional and assignable(replace(kind, optional=False), wanted)
            why = "may have no value; test it before" if missing else f"is {type_text(kind)}"
            message = f"the prompt {prompt!r} speaks {slot!r} as {type_text(wanted)}, but the variable {why}"
            self._report.error(path, "F404" if missing else "F605", message)


def _given(step: Any) -> dict[str, str]:
    return dict(getattr(step, "with_", {}))


def _keeps_details(step: Any) -> bool:
    """Recordings keep what `with` gives beside the audio, whether a prompt speaks it or not."""
    return hasattr(step, "voicemail") or hasattr(step, "record")
