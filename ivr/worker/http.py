"""The HTTP process: is it alive, is it ready, what does it count."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from ivr.worker.status import read_statuses


def create_app(run_dir: Path, workers: int) -> FastAPI:
    """An application of these addresses alone."""
    app = FastAPI(title="hotline", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(health_router(run_dir, workers))
    return app


def health_router(run_dir: Path, workers: int) -> APIRouter:
    """`/health`, `/ready`, `/status` and `/metrics` over the workers' status files and metric files."""
    app = APIRouter(include_in_schema=False)

    @app.get("/health")
    def health() -> dict[str, str]:
        """This process answers."""
        return {"status": "ok"}

    @app.get("/ready")
    def ready(response: Response) -> dict[str, Any]:
        """200 when every worker takes calls, else 503; flows that were refused are listed, calls go on."""
        statuses = [status for status in read_statuses(run_dir) if status.fresh]
        serving = [status for status in statuses if status.state == "ready"]
        if len(serving) < workers:
            response.status_code = 503
        return {
            "ready": len(serving) >= workers,
            "workers": {"serving": len(serving), "expected": workers},
            "problems": sorted({problem for status in statuses for problem in status.problems}),
        }

    @app.get("/status")
    def status() -> list[dict[str, Any]]:
        """Each worker's own words."""
        return [asdict(status) for status in read_statuses(run_dir) if status.fresh]

    @app.get("/metrics")
    def metrics() -> Response:
        """Prometheus text, summed over the processes."""
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(run_dir))  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app
