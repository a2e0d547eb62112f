"""What users test their own hotline with: scripted and random callers in virtual time, coverage, fuzzing."""

from ivr.testing.bench import EngineSpeed, engine_speed
from ivr.testing.coverage import Coverage, FlowCoverage
from ivr.testing.flowtest import FlowTester, TestReport, TestResult, run_flow_tests
from ivr.testing.fuzz import FuzzFailure, FuzzReport, fuzz
from ivr.testing.reach import FarStep, far_from_help
from ivr.testing.retell import transcript_to_test, write_test
from ivr.testing.samples import RandomServices, RandomTransfers, sample
from ivr.testing.script import Caller, StuckError, run_call
from ivr.testing.world import Answer, Services, TransferAnswer, World

__all__ = [
    "Answer",
    "Caller",
    "Coverage",
    "EngineSpeed",
    "FarStep",
    "FlowCoverage",
    "FlowTester",
    "FuzzFailure",
    "FuzzReport",
    "RandomServices",
    "RandomTransfers",
    "Services",
    "StuckError",
    "TestReport",
    "TestResult",
    "TransferAnswer",
    "World",
    "engine_speed",
    "far_from_help",
    "fuzz",
    "run_call",
    "run_flow_tests",
    "sample",
    "transcript_to_test",
    "write_test",
]
