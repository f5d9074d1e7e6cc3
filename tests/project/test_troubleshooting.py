"""Each row of the troubleshooting tables is proven: a test shows that the platform says or does what the row tells."""

import os
import re
import sys
from pathlib import Path

import pytest

from lcm_simulators.supervisor.files import Roster, RunningProcess
from lcm_simulators.world import AlreadyRunningError, World

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import bootstrap_tools  # noqa: E402

TROUBLESHOOTING = ROOT / "docs/troubleshooting/index.md"
START = ROOT / "docs/getting-started/index.md"
PLANE, CORE = "src/control-plane-api/tests", "src/core/tests"
WORKERS, LABS = "src/worker-controller/tests", "src/lablet-controller/tests"
SCHEDULER, SIMULATORS = "src/resource-scheduler/tests", "src/simulators/tests"
PROOFS = {
    "waits for a place on a worker": f"{SCHEDULER}/test_session_decisions.py::test_each_worker_says_why_it_cannot",
    "409 `NoCapacityInSlot` when reserving": f"{PLANE}/test_capacity_api.py"
    "::test_a_reservation_that_no_fleet_could_keep_is_refused_with_the_numbers",
    "step … failed": f"{LABS}/test_lablet_session_decisions.py"
    "::test_a_failed_step_is_compensated_and_placed_again_once_where_that_may_help",
    "could not be graded": f"{LABS}/test_interruptions.py"
    "::test_grading_that_keeps_failing_ends_with_a_reason_and_keeps_the_evidence",
    "EC2": f"{WORKERS}/test_worker_decisions.py"
    "::test_a_launch_that_never_succeeds_fails_at_its_deadline_with_the_error",
    "TCP, TLS": f"{WORKERS}/test_worker_cml_adapter.py::test_the_lowest_layer_that_fails_is_named",
    "HTTP, CML": f"{WORKERS}/test_worker_faults.py::test_a_cml_that_hangs_or_fails_while_it_starts_delays_only",
    "license": f"{WORKERS}/test_worker_decisions.py::test_a_refused_registration_is_tried_again_later_and_opens_a_task",
    "Invalid parameter: redirect_uri": f"{SIMULATORS}/test_identity_browser.py"
    "::test_nobody_is_sent_to_an_address_that_is_not_the_clients_own",
    "401 with a token of Keycloak": f"{CORE}/test_controller_service.py"
    "::test_a_token_that_is_wrong_in_one_claim_is_refused",
    "403": f"{PLANE}/test_edge.py::test_a_role_gets_as_far_as_the_table_says_before_its_body_is_read",
    "signed out at once": f"{PLANE}/test_browser_sessions.py::test_cookies_go_over_https_or_stay_on_this_machine",
    "503 with the name of a store": f"{PLANE}/test_plane_lifecycle.py"
    "::test_without_stores_it_is_live_but_not_ready_and_names_each_missing_one",
    "409 `StaleTerm` in a controller's log": f"{CORE}/test_controller_loop.py::test_a_stale_term_ends_the_leadership",
    "the badge says *reconnecting*": "tests/browser/test_live.py"
    "::test_the_console_recovers_by_itself_when_the_control_plane_comes_back",
    "nothing happens, no leader": f"{CORE}/test_leader_election.py::test_without_etcd_nobody_leads",
    "`port 8000 (control plane) is used by …`": f"{SIMULATORS}/test_supervisor.py"
    "::test_a_taken_port_is_refused_naming_the_process_and_the_setting",
    "`the platform already runs`": "tests/project/test_troubleshooting.py::test_a_second_platform_is_refused",
    "`secantus could not be installed`": "tests/project/test_troubleshooting.py"
    "::test_a_machine_without_an_embedded_database_is_told_what_to_do",
    "a process `died; starting it again`": f"{SIMULATORS}/test_supervisor.py"
    "::test_a_crashed_process_comes_back_on_its_port_and_the_crash_is_said",
}


def rows() -> list[str]:
    """The first cells of the tables about trouble."""
    text = TROUBLESHOOTING.read_text() + START.read_text().split("## When it does not start")[1]
    bodies = re.findall(r"^\|[^\n]*\n\|[-| ]+\|\n((?:\|[^\n]*\n)+)", text, re.MULTILINE)
    return [line.split("|")[1].strip() for body in bodies for line in body.splitlines()]


def test_every_row_has_a_proof_and_every_proof_a_row() -> None:
    assert sorted(rows()) == sorted(PROOFS)


@pytest.mark.parametrize("proof", PROOFS.values())
def test_a_proof_exists(proof: str) -> None:
    file, _, name = proof.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text()


async def test_a_second_platform_is_refused(tmp_path: Path) -> None:
    roster = Roster(RunningProcess.of(os.getppid()), True, {})
    world = World(tmp_path, ports="ephemeral", report=lambda _: None)
    roster.write(world._roster_file)
    with pytest.raises(AlreadyRunningError, match=r"the platform already runs .*; stop it with `make down`"):
        await world.start()


def test_a_machine_without_an_embedded_database_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    with pytest.raises(bootstrap_tools.BootstrapError, match=r"(?s)secantus could not be installed.*MONGODB_URI"):
        bootstrap_tools.install("secantus", tmp_path)
