"""Pages that are made from the code are current, and every page is in the navigation."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def test_the_generated_pages_are_current() -> None:
    command = [sys.executable, str(ROOT / "scripts/reference.py"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_every_page_is_in_the_navigation_once_and_every_entry_is_a_page() -> None:
    entries = re.findall(r"([\w./-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")]
    assert sorted(entries) == sorted(pages)


def test_every_lcm_command_in_the_documents_exists() -> None:
    known = set(re.findall(r"^## (lcm [\w -]+)$", (DOCS / "reference/cli.md").read_text(), re.MULTILINE))
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        for first, second in re.findall(r"(?:^|`)lcm ([a-z-]+)(?: ([a-z-]+))?", page.read_text(), re.MULTILINE):
            assert f"lcm {first}" in known, f"{page}: lcm {first}"
            if first == "session":
                assert f"lcm session {second}" in known, f"{page}: lcm session {second}"


def test_every_script_the_documents_name_exists() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]:
        for script in re.findall(
            r"\b((?:scripts|deployment)/[\w./-]+\.(?:py|sh|yml|yaml|json|conf))\b", page.read_text()
        ):
            assert (ROOT / script).exists(), f"{page.relative_to(ROOT)}: {script}"
