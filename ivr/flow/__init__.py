"""The call-flow language: loading, checking and running flows. Pure: no I/O besides reading the flow files."""

from ivr.flow.errors import ExpressionError, FlowError, FlowErrors, Problem
from ivr.flow.expressions import Expression
from ivr.flow.library import FlowLibrary, LoadedFlow
from ivr.flow.loader import check_flows, load_flows
from ivr.flow.manifest import Manifest, PromptSignature, ServiceSignature

__all__ = [
    "Expression",
    "ExpressionError",
    "FlowError",
    "FlowErrors",
    "FlowLibrary",
    "LoadedFlow",
    "Manifest",
    "Problem",
    "PromptSignature",
    "ServiceSignature",
    "check_flows",
    "load_flows",
]
