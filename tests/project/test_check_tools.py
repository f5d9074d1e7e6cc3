"""What the checks use is brought where it can be had, and named where it cannot."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def bring(*names: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "check_tools.py"), *names]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)


def test_an_unknown_tool_is_named() -> None:
    ran = bring("kubectl")
    assert ran.returncode == 1
    assert "unknown tool kubectl; known: chromium, redis, promtool, helm, kubernetes, schemathesis" in ran.stderr


def test_a_tool_that_the_machine_cannot_have_is_left_out_with_the_reason(tmp_path: Path) -> None:
    ran = bring("promtool", PATH=str(tmp_path), LCM_TOOLS_DIR=str(tmp_path / "tools"))
    assert ran.returncode == 0
    assert "promtool: left out, it is taken from Debian's packages, and apt-get is not on this machine" in ran.stdout


def test_a_tool_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    tool = tmp_path / "tools" / "bin" / "helm"
    tool.parent.mkdir(parents=True)
    tool.touch()
    ran = bring("helm", PATH=str(tmp_path), LCM_TOOLS_DIR=str(tmp_path / "tools"))
    assert ran.stdout.startswith("helm: ready after 0 s")
