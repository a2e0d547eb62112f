"""Flows as JSON."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ivr.console.access import Visitor, require
from ivr.console.flows.difference import differences
from ivr.console.flows.keeping import publisher_of
from ivr.console.flows.publishing import Examined, NotGoodError
from ivr.console.flows.views import FlowView, StepView, flow_views, period
from ivr.console.formats import iso
from ivr.console.parts import Parts
from policy_db.flow_versions import FlowVersion

router = APIRouter(prefix="/flows")
Keeper = Annotated[Visitor, Depends(require("manager", "administrator"))]


class Step(BaseModel):
    """A step with what calls did there; `left` counts by target, `dwell` is seconds on average."""

    name: str
    kind: str
    line: int
    entered: int
    here: int
    dwell: float | None
    left: dict[str, int]
    no_input: int
    no_match: int
    fault: int
    hung_up: int


class FlowFigures(BaseModel):
    """A flow and what calls did in it."""

    name: str
    titles: dict[str, str]
    file: str
    entered: int
    here: int
    steps: list[Step]


class Version(BaseModel):
    """A version of all flows."""

    id: int
    version: str
    at: str
    who: str
    action: str
    message: str
    origin: int | None


class Finding(BaseModel):
    """What is wrong or doubtful at a place of a file."""

    file: str
    line: int
    column: int
    code: str
    message: str
    severity: str


class Report(BaseModel):
    """What a check found; only `good` flows may be published."""

    good: bool
    findings: list[Finding]
    tests: int
    failed: list[str]


class Draft(BaseModel):
    """A set of flow files by name, whole: files that are not in it are taken away."""

    files: dict[str, Annotated[str, Field(max_length=600_000)]] = Field(max_length=500)


class Publication(Draft):
    """Flow files to put into use, why, and the id of the version that they were made from."""

    message: Annotated[str, Field(min_length=1, max_length=500)]
    after: int = Field(ge=0, le=2**53)


@router.get("")
async def all_flows(parts: Parts, visitor: Keeper, days: int = 7) -> list[FlowFigures]:
    """Every flow in use with its figures over 1, 7, 30 or 90 days."""
    return [_figures(view) for view in await flow_views(parts, period(days))]


@router.get("/versions")
async def versions(parts: Parts, visitor: Keeper, before: int | None = None) -> list[Version]:
    """The latest fifty versions, the newest first; `before` goes on from an id."""
    bounded = None if before is None else max(0, min(before, 2**53))
    return [_version(one) for one in await parts.database.flow_versions.history(limit=50, before=bounded)]


@router.get("/versions/{number}", responses={404: {"description": "There is no such version."}})
async def version_files(parts: Parts, visitor: Keeper, number: int) -> dict[str, str]:
    """The files of a version by name."""
    found = await parts.database.flow_versions.find(number) if 0 < number < 2**53 else None
    if found is None:
        raise HTTPException(404)
    return await parts.database.flow_versions.texts(found)


@router.post("/check")
async def check(parts: Parts, visitor: Keeper, draft: Draft) -> Report:
    """Check a set of files and run their tests; nothing is put into use."""
    return _report(await publisher_of(parts).examine(draft.files))


@router.post("/difference")
async def difference(parts: Parts, visitor: Keeper, draft: Draft) -> list[dict[str, Any]]:
    """What a set of files would change."""
    changed = differences(publisher_of(parts).files(), draft.files)
    return [
        {
            "file": one.file,
            "kind": one.kind,
            "changes": [
                {"kind": each.kind, "path": list(each.path), "before": each.before, "after": each.after}
                for each in one.changes
            ],
        }
        for one in changed
    ]


@router.post(
    "/publish",
    responses={
        409: {"description": "Another version was published meanwhile."},
        422: {"description": "The flows are not good."},
    },
)
async def publish(parts: Parts, visitor: Keeper, wanted: Publication) -> Version:
    """Put a set of files into use for new calls."""
    await publisher_of(parts).noticed()
    try:
        made = await publisher_of(parts).publish(
            wanted.files, who=visitor.who, message=wanted.message, after=wanted.after
        )
    except NotGoodError as error:
        first = next((str(one) for one in error.examined.errors), "")
        raise HTTPException(422, detail=first or "a test of the flows fails") from error
    await parts.database.audit.add(visitor.who, "flows_published", f"flows:{made.id}", {"by": "api"})
    return _version(made)


@router.get("/{name}", responses={404: {"description": "There is no such flow."}})
async def one_flow(parts: Parts, visitor: Keeper, name: str, days: int = 7) -> FlowFigures:
    """One flow with its figures."""
    if name not in parts.flows.current.flows:
        raise HTTPException(404)
    (view,) = await flow_views(parts, period(days), name)
    return _figures(view)


def _figures(view: FlowView) -> FlowFigures:
    return FlowFigures(
        name=view.name,
        titles=dict(view.loaded.flow.title or {}),
        file=view.loaded.file,
        entered=view.entered,
        here=view.here,
        steps=[_step(step) for step in view.steps],
    )


def _step(step: StepView) -> Step:
    counts = step.counts
    return Step(
        name=step.name,
        kind=step.kind,
        line=step.line,
        entered=counts.entered,
        here=step.here,
        dwell=counts.dwell,
        left=counts.left,
        no_input=counts.no_input,
        no_match=counts.no_match,
        fault=counts.fault,
        hung_up=counts.hung_up,
    )


def _version(one: FlowVersion) -> Version:
    return Version(
        id=one.id,
        version=one.version,
        at=iso(one.at),
        who=one.who,
        action=one.action,
        message=one.message,
        origin=one.origin,
    )


def _report(found: Examined) -> Report:
    return Report(
        good=found.good,
        findings=[
            Finding(
                file=one.file,
                line=one.line,
                column=one.column,
                code=one.code,
                message=one.message,
                severity=one.severity,
            )
            for one in found.problems
        ],
        tests=found.tests,
        failed=[f"{one.file}:{one.line}: {one.flow}: {one.name}: {one.message}" for one in found.failures],
    )
