"""Every command that a document shows is run: here, or by the test that a table names, with the reason."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.project.shell_blocks import ELSEWHERE, ROOT, RUN_HERE, commands, fitting


def test_every_command_is_run_here_or_says_where_and_why() -> None:
    unknown = [f"{page.relative_to(ROOT)}: {command}" for page, command in commands() if len(fitting(command)) != 1]
    assert unknown == [], "add each to a table of tests/project/shell_blocks.py"


def test_the_tables_name_no_command_that_no_document_shows() -> None:
    shown = {pattern for _, command in commands() for pattern in fitting(command)}
    assert {*RUN_HERE, *ELSEWHERE} - shown == set()


def test_whoever_runs_a_command_elsewhere_exists() -> None:
    for pattern, elsewhere in ELSEWHERE.items():
        file, _, name = elsewhere.by.partition("::")
        assert (ROOT / file).is_file(), pattern
        assert f"def {name}(" in (ROOT / file).read_text() if name else True, f"{pattern}: {elsewhere.by}"
        assert elsewhere.reason


def test_the_steps_of_ci_are_what_the_table_says() -> None:
    steps = (ROOT / ".ci/run").read_text()
    targets = "install lint test start status demo down hooks test-keycloak test-compose"
    for target in targets.split():
        assert f"make {target}" in steps, target


def copy_of_the_project(folder: Path) -> Path:
    """The files of the project that are under version control."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.split("\0") if listed.returncode == 0 else []
    for name in names or [str(path.relative_to(ROOT)) for path in ROOT.glob("*") if path.is_file()]:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def test_the_short_commands_work(tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path / "project")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    shown = {command for _, command in commands()}
    for pattern in RUN_HERE:
        for command in sorted(each for each in shown if re.fullmatch(pattern, each)):
            ran = subprocess.run(
                command, shell=True, cwd=project, env=environment, capture_output=True, text=True, check=False
            )
            assert ran.returncode == 0, f"`{command}`: {ran.stdout}{ran.stderr}"
