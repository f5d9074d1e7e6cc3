"""The commands that the documents name exist, and the Makefile lists what it can do."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
PROMISED = {
    "setup install run run-debug down test test-cov lint format clean clean-all status info env-check demo "
    "docs-install docs-serve docs-build docs-deploy help build dev rebuild rebuild-services up restart logs docker-up "
    "docker-logs docker-down prod-up prod-down install-ui build-ui dev-ui"
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_a_document_names_exists(document: Path) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]+)", document.read_text(), re.MULTILINE))
    assert named <= TARGETS


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text())
    broken = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert broken == []


def test_the_makefile_has_the_targets_that_are_promised() -> None:
    assert {name for names in PROMISED for name in names.split()} <= TARGETS


def test_help_lists_every_target_with_a_sentence() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"make ([a-z-]+)\s+\S", listed)) == TARGETS


def test_info_names_the_addresses() -> None:
    command = [sys.executable, str(ROOT / "scripts/environment.py"), "info"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "APP_PORT" in said
    assert "admin" in said
