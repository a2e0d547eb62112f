"""The call-flow language: loading, checking, drawing and running flows.

Pure: nothing here does I/O besides reading the files of the flows, and nothing reads a clock.
"""

from ivr.flow.codes import CODES, codes_page
from ivr.flow.draw import draw_flow
from ivr.flow.engine import Engine, Turn
from ivr.flow.errors import ExpressionError, FlowError, FlowErrors, Problem
from ivr.flow.expressions import Expression
from ivr.flow.hours import open_state
from ivr.flow.library import FlowLibrary, LoadedFlow
from ivr.flow.loader import check_flows, examine, load_flows
from ivr.flow.manifest import Manifest, PromptSignature, ServiceSignature
from ivr.flow.schema import flow_schema, flow_schema_text
from ivr.flow.state import CallState
from ivr.flow.store import FlowStore

__all__ = [
    "CODES",
    "CallState",
    "Engine",
    "Expression",
    "ExpressionError",
    "FlowError",
    "FlowErrors",
    "FlowLibrary",
    "FlowStore",
    "LoadedFlow",
    "Manifest",
    "Problem",
    "PromptSignature",
    "ServiceSignature",
    "Turn",
    "check_flows",
    "codes_page",
    "draw_flow",
    "examine",
    "flow_schema",
    "flow_schema_text",
    "load_flows",
    "open_state",
]
