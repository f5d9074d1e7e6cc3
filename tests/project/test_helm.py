"""The Helm chart: what it renders, and that it names settings and secrets that exist."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.project.deployed_settings import known_settings
from tests.project.programs import program

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deployment" / "helm" / "lablet-cloud-manager"
KUBERNETES = "1.33.0"
EVERYTHING = (
    "monitoring.enabled=true",
    "stores.etcd.bundled=true",
    "outside.cmlCaConfigMap=ca",
    "controlPlane.autoscaling.enabled=false",
)


def render(*settings: str) -> subprocess.CompletedProcess[str]:
    options = [part for setting in settings for part in ("--set", setting)]
    command = [program("helm"), "template", "lcm", str(CHART), "--kube-version", KUBERNETES, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rendered(*settings: str) -> list[dict[str, Any]]:
    done = render(*settings)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def containers(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sets = [document for document in documents if document["kind"] in {"Deployment", "StatefulSet"}]
    return [container for each in sets for container in each["spec"]["template"]["spec"]["containers"]]


def test_the_alerts_in_the_chart_are_those_of_prometheus() -> None:
    assert (CHART / "rules.yml").read_text() == (ROOT / "deployment/prometheus/rules/lcm.yml").read_text()


def test_every_service_has_probes_limits_a_budget_and_a_policy() -> None:
    documents = rendered()
    deployed = {document["metadata"]["name"] for document in documents if document["kind"] == "Deployment"}
    assert deployed == {
        f"lcm-{n}" for n in ("control-plane", "resource-scheduler", "worker-controller", "lablet-controller")
    }
    for kind in ("PodDisruptionBudget", "NetworkPolicy", "Service", "ServiceAccount"):
        assert {document["metadata"]["name"] for document in documents if document["kind"] == kind} == deployed
    for container in containers(documents):
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
        assert container["resources"]["limits"]["memory"]
        assert container["securityContext"]["readOnlyRootFilesystem"]


def test_the_pods_get_only_settings_that_the_services_read_and_secrets_that_are_asked_for() -> None:
    asked_for = set(yaml.safe_load((CHART / "secret.example.yaml").read_text())["stringData"])
    for container in containers(rendered()):
        names = {entry["name"] for entry in container["env"]}
        assert names - known_settings() == set(), container["name"]
        files = {str(entry["value"]) for entry in container["env"] if entry["name"].endswith("_FILE")}
        assert {Path(file).name for file in files} <= asked_for, container["name"]


def test_monitoring_and_a_bundled_etcd_can_be_had() -> None:
    kinds = [document["kind"] for document in rendered(*EVERYTHING)]
    assert kinds.count("ServiceMonitor") == 4
    assert {"PrometheusRule", "StatefulSet"} <= set(kinds)
    assert "HorizontalPodAutoscaler" not in kinds


@pytest.mark.parametrize("setting", ["publicUrl=http://lcm.example.org", "shards=0", "logLevel=LOUD", "unknown=1"])
def test_unfit_values_are_refused(setting: str) -> None:
    assert render(setting).returncode != 0


@pytest.mark.parametrize("settings", [(), EVERYTHING], ids=["default", "everything"])
def test_kubernetes_would_accept_what_is_rendered(settings: tuple[str, ...], tmp_path: Path) -> None:
    validator = program("kubernetes-validate")
    known = [each for each in rendered(*settings) if not each["apiVersion"].startswith("monitoring.coreos.com")]
    file = tmp_path / "rendered.yaml"
    file.write_text(yaml.safe_dump_all(known))
    version = KUBERNETES.rsplit(".", 1)[0]
    command = [validator, "--strict", "--quiet", "--kubernetes-version", version, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
