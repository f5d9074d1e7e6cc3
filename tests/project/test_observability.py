"""Dashboards and alerts use metrics that exist, and each alert has a page that says what to do."""

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY
from tests.project.programs import program

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deployment" / "prometheus" / "rules" / "lcm.yml"
RUNBOOKS = ROOT / "docs" / "operations" / "runbooks"
DASHBOARDS = sorted((ROOT / "deployment" / "grafana" / "dashboards").glob("*.json"))
SERVICES = (
    "control_plane_api.composition.platform",
    "resource_scheduler.service",
    "worker_controller.service",
    "lablet_controller.service",
)
OWN = re.compile(r"\blcm_[a-z_]+")


def rules() -> list[dict[str, str]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def existing() -> set[str]:
    """Names of all series that the services expose."""
    for module in SERVICES:  # importing a service registers its metrics
        importlib.import_module(module)
    names: set[str] = set()
    for family in REGISTRY.collect():
        suffixes = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",)}.get(family.type, ("",))
        names |= {family.name + suffix for suffix in suffixes}
    return names


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield rule.get("alert") or rule["record"], rule["expr"]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            yield f"{path.name}: {panel['title']}", panel["targets"][0]["expr"]


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_metric_that_is_used_exists(where: str, expression: str) -> None:
    assert set(OWN.findall(expression)) <= existing(), where


def test_the_dashboards_are_those_that_the_script_makes() -> None:
    checked = subprocess.run(
        [sys.executable, str(ROOT / "scripts/dashboards.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    assert alerts == {page.stem for page in RUNBOOKS.glob("*.md")} - {"index"}


def test_prometheus_accepts_the_rules_and_they_fire_when_they_should() -> None:
    promtool = program("promtool")
    folder = ROOT / "deployment" / "prometheus"
    for command in (["check", "rules", str(RULES)], ["test", "rules", str(folder / "tests" / "alerts.yml")]):
        ran = subprocess.run([promtool, *command], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
