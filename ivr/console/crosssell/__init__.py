"""Cross-selling on the console; each module is a page or a few that belong together, with its routers.

`report` is the proof: what offering brought, shown so that whoever doubts it can check it. Other modules join by their
routers in `_PAGES` and `_APIS`, and by entries of the navigation:

referrals    who was referred to whom, and what became of it (`referring`: who may do what)
new_referral what a person begins by themselves (`beginning`: what speaks against it)
do_not_call  who is to be left alone
catalogue    what may be offered, and how (`sheet`: an entry as a form has it)
decisions    what was decided for each caller, with every gate
models       which models are in use, how they fare, and the way back
desk         what these pages share
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter

from ivr.console.area import Area, Entry
from ivr.console.crosssell import (
    catalogue,
    catalogue_api,
    decisions,
    decisions_api,
    do_not_call,
    do_not_call_api,
    models,
    models_api,
    new_referral,
    referrals,
    referrals_api,
    report,
    report_api,
    start,
)
from ivr.console.crosssell.clockwork import refitting

_PAGES = (start, new_referral, referrals, do_not_call, catalogue, decisions, models, report)
_APIS = (referrals_api, do_not_call_api, catalogue_api, decisions_api, models_api, report_api)


def _together(modules: tuple[Any, ...]) -> APIRouter:
    whole = APIRouter()
    for module in modules:
        whole.include_router(module.router)
    return whole


AREA = Area(
    "crosssell",
    Path(__file__).parent,
    pages=_together(_PAGES),
    api=_together(_APIS),
    background=refitting,
    entries=(Entry("/crosssell", "selling.area", ("seat", "manager", "administrator"), order=45),),
)
