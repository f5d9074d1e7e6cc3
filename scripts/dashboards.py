#!/usr/bin/env python3
"""Write the Grafana dashboards: ``python scripts/dashboards.py [--check]``.

They are made here rather than by hand so that they look alike and can be compared with the metrics that exist.
``--check`` writes nothing and exits 1 when a file is out of date.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "deployment" / "grafana" / "dashboards"
COLUMNS = 2
WIDTH, HEIGHT = 12, 8


@dataclass(frozen=True)
class Panel:
    """One chart: a PromQL expression, how its lines are named, and the unit of its axis."""

    title: str
    expression: str
    legend: str
    unit: str = "short"


def p99(metric: str, label: str) -> str:
    """99th percentile of a histogram over five minutes, by one label."""
    return f"histogram_quantile(0.99, sum by ({label}, le) (rate({metric}_bucket[5m])))"


def rate(metric: str, label: str) -> str:
    """Events per second over five minutes, by one label."""
    return f"sum by ({label}) (rate({metric}[5m]))"


DASHBOARDS: dict[str, tuple[str, list[Panel]]] = {
    "platform": (
        "Platform",
        [
            Panel("Sessions by phase", "max by (phase) (lcm_sessions)", "{{phase}}"),
            Panel("Workers by phase", "max by (phase) (lcm_workers)", "{{phase}}"),
            Panel("Sessions that are late", "max(lcm_sessions_late)", "late"),
            Panel("Operator tasks open", "max(lcm_tasks_open)", "open"),
            Panel("Documents not projected yet", "max by (collection) (lcm_outbox_documents)", "{{collection}}"),
            Panel("Broken promises", "max by (invariant) (lcm_invariant_violations)", "{{invariant}}"),
            Panel("Leaders", "sum by (service) (lcm_leader)", "{{service}}"),
        ],
    ),
    "control-plane": (
        "Control plane",
        [
            Panel("Requests", rate("lcm_request_handling_seconds_count", "result"), "{{result}}", "reqps"),
            Panel("Time to handle, p99", p99("lcm_request_handling_seconds", "request"), "{{request}}", "s"),
            Panel("Crashed requests", "sum(rate(lcm_http_crashes_total[5m]))", "crashes", "reqps"),
            Panel("CloudEvents sent", rate("lcm_cloudevents_total", "result"), "{{result}}", "ops"),
            Panel("Periodic jobs", rate("lcm_job_runs_total", "exported_job, result"), "{{exported_job}} {{result}}"),
            Panel("Duration of jobs, p99", p99("lcm_job_seconds", "exported_job"), "{{exported_job}}", "s"),
            Panel("Background restarts", rate("lcm_background_restarts_total", "service"), "{{service}}"),
            Panel("Inbound CloudEvents", rate("lcm_inbound_events_total", "status"), "{{status}}", "ops"),
        ],
    ),
    "controllers": (
        "Controllers",
        [
            Panel("Keys waiting", "sum by (controller) (lcm_queue_depth)", "{{controller}}"),
            Panel("Keys with a timer", "sum by (controller) (lcm_queue_delayed)", "{{controller}}"),
            Panel("Wait before a reconcile, p99", p99("lcm_queue_wait_seconds", "controller"), "{{controller}}", "s"),
            Panel("Oldest key", "max by (controller) (lcm_queue_oldest_seconds)", "{{controller}}", "s"),
            Panel(
                "Reconciles",
                rate("lcm_reconcile_seconds_count", "controller, outcome"),
                "{{controller}} {{outcome}}",
                "ops",
            ),
            Panel("Duration of a reconcile, p99", p99("lcm_reconcile_seconds", "controller"), "{{controller}}", "s"),
            Panel("Crashed reconciles", rate("lcm_reconcile_crashes_total", "controller"), "{{controller}}"),
            Panel("Reconciles in flight", "sum by (controller) (lcm_reconciles_in_flight)", "{{controller}}"),
            Panel("Objects in caches", "max by (informer) (lcm_informer_objects)", "{{informer}}"),
            Panel("Full lists", rate("lcm_informer_lists_total", "informer, cause"), "{{informer}} {{cause}}"),
            Panel("Broken watches", rate("lcm_informer_reconnects_total", "informer"), "{{informer}}"),
            Panel("Unread own writes", rate("lcm_barrier_timeouts_total", "controller"), "{{controller}}"),
            Panel("Terms", "max by (service, shard) (lcm_leader_term)", "{{service}} {{shard}}"),
            Panel("Leaderships lost", rate("lcm_leader_losses_total", "service"), "{{service}}"),
        ],
    ),
    "processes": (
        "Processes",
        [
            Panel("Memory", "process_resident_memory_bytes", "{{job}} {{instance}}", "bytes"),
            Panel("CPU", "rate(process_cpu_seconds_total[5m])", "{{job}} {{instance}}", "percentunit"),
            Panel("Open files", "process_open_fds", "{{job}} {{instance}}"),
            Panel("Event loop late by, p99", p99("lcm_event_loop_lag_seconds", "job"), "{{job}}", "s"),
        ],
    ),
}


def dashboard(name: str, title: str, panels: list[Panel]) -> dict[str, object]:
    """One dashboard in Grafana's format."""
    return {
        "uid": f"lcm-{name}",
        "title": title,
        "tags": ["lcm"],
        "schemaVersion": 39,
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "panels": [
            {
                "id": number + 1,
                "title": panel.title,
                "type": "timeseries",
                "datasource": {"type": "prometheus", "uid": "prometheus"},
                "gridPos": {
                    "x": number % COLUMNS * WIDTH,
                    "y": number // COLUMNS * HEIGHT,
                    "w": WIDTH,
                    "h": HEIGHT,
                },
                "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
                "targets": [{"refId": "A", "expr": panel.expression, "legendFormat": panel.legend}],
            }
            for number, panel in enumerate(panels)
        ],
    }


def rendered() -> dict[Path, str]:
    """Every file and what it must hold."""
    return {
        FOLDER / f"{name}.json": json.dumps(dashboard(name, title, panels), indent=2) + "\n"
        for name, (title, panels) in DASHBOARDS.items()
    }


def main() -> int:
    """Write or check."""
    files = rendered()
    if sys.argv[1:] == ["--check"]:
        stale = [path.name for path, text in files.items() if not path.exists() or path.read_text() != text]
        if stale:
            print(f"out of date, run `python scripts/dashboards.py`: {', '.join(stale)}", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
