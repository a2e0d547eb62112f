"""Processes: call workers, the supervisor that keeps them up, and the small HTTP process beside them."""
