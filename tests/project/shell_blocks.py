"""The shell blocks of the documents: which commands a test runs itself, and who runs the others, for what reason."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^ *```(?:bash|sh|console|shell)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Elsewhere:
    """A command that is not run beside the others: ``by`` is the test (``file::name``) or the script that runs it."""

    by: str
    reason: str


COMPOSE = "tests/compose"
DEVELOPMENT = f"{COMPOSE}/test_development_stack.py"
PRODUCTION = f"{COMPOSE}/test_production_stack.py"
NEEDS_ENGINE = "needs a container engine and takes minutes"
NEEDS_CLUSTER = "needs a Kubernetes cluster; what it would send there is rendered and checked"
SUITE = "is the test suite, or a part of it"

RUN_HERE = (
    r"make help",
    r"cp \S+ \S+",
    r"python scripts/dashboards\.py",
    r"python scripts/rename_project\.py --new-name \"Acme Tasks\" --dry-run",
    r"python scripts/rename_project\.py --new-name \"Acme Tasks\"",
)
"""Commands that take a second: a test runs them in a copy of the project, in this order."""

ELSEWHERE = {
    r"make run": Elsewhere(".ci/run", "runs until it is stopped; the same in the background is a step of CI"),
    r"make (status|demo TOPOLOGY=\S+)": Elsewhere(".ci/run", "needs a running platform"),
    r"make exam-morning .*": Elsewhere(
        "tests/system/test_exam_morning.py::test_every_candidate_finds_the_lab_ready_and_the_machines_go_off",
        "takes minutes; a smaller exam is in the suite",
    ),
    r"lcm (login|apply|describe|session) .*": Elsewhere(
        "tests/system/test_cli.py::test_a_definition_is_applied_from_a_folder_and_a_session_reserved_and_ended",
        "needs a running platform",
    ),
    r"lcm costs( .*)?": Elsewhere(
        "tests/system/test_cli.py::test_costs_come_by_owner_or_department_with_their_total", "needs a running platform"
    ),
    r"make simulate( [A-Z_]+=\d+)*": Elsewhere(
        "tests/simulate/test_simulation.py::test_nothing_is_lost_or_left_behind_under_faults",
        "takes minutes; a few runs are in the suite",
    ),
    r"make chaos( [A-Z_]+=\d+)*": Elsewhere(
        ".github/workflows/chaos.yml", "takes a minute or more for each seed; some seeds are a step of CI"
    ),
    r"make (start|test-ui)": Elsewhere(".ci/run", "starts servers, or takes a minute"),
    r"make dev-ui": Elsewhere(
        "tests/project/test_dev_ui.py::test_the_development_server_serves_the_console", "runs until it is stopped"
    ),
    r"make types": Elsewhere(
        "tests/project/test_console_types.py::test_the_committed_models_are_those_of_the_api",
        "changes files; the test compares them",
    ),
    r"make lighthouse": Elsewhere(
        "tests/browser/test_lighthouse.py::test_lighthouse_finds_little", "fetches a large program from the network"
    ),
    r"make (install|lint|test)": Elsewhere(".ci/run", SUITE),
    r"make test-quick": Elsewhere(".ci/run", SUITE),
    r"\.venv/bin/python -m pytest -k rename_integrity -q": Elsewhere(
        "tests/project/test_rename_integrity.py::test_rename_integrity", SUITE
    ),
    r"make sim-cml PORT=\d+": Elsewhere(
        "tests/project/test_simulator_commands.py::test_one_cml_serves_outside_clients_with_tls",
        "runs until it is stopped",
    ),
    r"curl -s .*/admin/keys/\S+": Elsewhere(
        "src/core/tests/test_controller_service.py::test_two_processes_share_the_work_and_stop_cleanly",
        "needs a running controller and a token",
    ),
    r"curl -s .*openid-connect/token.*": Elsewhere(
        "src/simulators/tests/test_identity_tokens.py::test_each_service_signs_in_with_an_account_of_its_own",
        "needs a running identity provider",
    ),
    r"make test-keycloak": Elsewhere(".ci/run", "starts a real Keycloak; it is a step of CI"),
    r"python -m control_plane_api\.backup (dump|restore) \S+": Elsewhere(
        "src/control-plane-api/tests/test_backup.py::test_what_was_destroyed_is_there_again", "needs a database"
    ),
    r"deployment/docker-compose/(backup|restore)\.sh.*": Elsewhere(
        f"{PRODUCTION}::test_sessions_audit_and_a_running_lab_continue_after_the_stores_were_lost", NEEDS_ENGINE
    ),
    r"make prod-up": Elsewhere(f"{PRODUCTION}::test_every_container_is_up_with_two_of_each_service", NEEDS_ENGINE),
    r"make (up|build)": Elsewhere(f"{DEVELOPMENT}::test_every_container_is_up_and_every_check_passes", NEEDS_ENGINE),
    r"docker (build|run) .*": Elsewhere(
        f"{COMPOSE}/test_images.py::test_the_root_image_alone_is_live_and_names_every_store_it_misses", NEEDS_ENGINE
    ),
    r"export CONTEXT=.*": Elsewhere(f"{DEVELOPMENT}::test_every_container_is_up_and_every_check_passes", NEEDS_ENGINE),
    r"docker compose -f docker-compose\.yml -f tests/compose/development\.yml (build|up .*)": Elsewhere(
        f"{DEVELOPMENT}::test_every_container_is_up_and_every_check_passes", NEEDS_ENGINE
    ),
    r"docker compose (exec redis|restart) .*": Elsewhere(
        f"{DEVELOPMENT}::test_browsers_stay_signed_in_when_the_control_plane_restarts", NEEDS_ENGINE
    ),
    r"(kubectl|helm) .*": Elsewhere(
        "tests/project/test_helm.py::test_kubernetes_would_accept_what_is_rendered", NEEDS_CLUSTER
    ),
    r"make test-compose": Elsewhere(".ci/run", NEEDS_ENGINE),
    r"make hooks": Elsewhere(".ci/run", "fetches the hooks from the network"),
    r"\.venv/bin/pre-commit install": Elsewhere(".ci/run", "changes how git behaves; the hooks themselves run in CI"),
}


def commands() -> Iterator[tuple[Path, str]]:
    """Every command of every shell block with its page; comments are left out, continued lines joined."""
    for page in PAGES:
        for block in BLOCK.findall(page.read_text()):
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                command = re.sub(r"\s+#\s.*$", "", line).strip()
                if command and not command.startswith("#"):
                    yield page, command


def fitting(command: str) -> list[str]:
    """The patterns of both tables that a command fits."""
    return [pattern for pattern in (*RUN_HERE, *ELSEWHERE) if re.fullmatch(pattern, command)]
