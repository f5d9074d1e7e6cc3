#!/usr/bin/env python3
"""Check the project for known weaknesses: ``make security``, or ``python scripts/security.py [--strict]``.

Bandit reads the sources, pip-audit and npm ask the advisory services about every installed dependency, detect-secrets
reads every file of the repository. What could not be checked (the service does not answer, or does not know a package)
is named and is not called clean; with ``--strict``, as in CI, it counts as a failure.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".tools" / "venvs" / "security" / "bin"
FRONTEND = ROOT / "src" / "control-plane-api" / "frontend"
LIMIT = 600.0
"""Seconds that one tool may take."""
SHOWN = 20


class Verdict(StrEnum):
    """How a check ended."""

    CLEAN = "clean"
    FOUND = "found"
    UNCHECKED = "not checked"


@dataclass(frozen=True)
class Finding:
    """What a check says: its verdict in a sentence, and the lines behind it."""

    verdict: Verdict
    sentence: str
    lines: Sequence[str] = field(default_factory=tuple)


def run(*command: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a tool; its output is read by the caller."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False)


def sources() -> Finding:
    """Bandit on everything that is deployed or run by a developer."""
    done = run(
        str(TOOLS / "bandit"), "-q", "-c", "pyproject.toml", "-r", "src", "scripts", "-x", EXCLUDED, "-f", "json"
    )
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        return Finding(Verdict.UNCHECKED, "Bandit did not report", done.stderr.splitlines()[-3:])
    lines = [f"{each['filename']}:{each['line_number']}: {each['issue_text']}" for each in report["results"]]
    lines += [f"{each['filename']}: {each['reason']}" for each in report["errors"]]
    if lines:
        return Finding(Verdict.FOUND, f"{len(lines)} findings", lines)
    return Finding(Verdict.CLEAN, f"{report['metrics']['_totals']['loc']} lines")


EXCLUDED = "*/tests/*,*/node_modules/*"


def python_dependencies() -> Finding:
    """pip-audit on what is installed in the development environment, which holds every service's dependencies."""
    packages = next((ROOT / ".venv" / "lib").glob("python3.*/site-packages"))
    options = ("--path", str(packages), "--skip-editable", "--format", "json", "--progress-spinner", "off")
    done = run(str(TOOLS / "pip-audit"), *options, "--timeout", "15")
    return judge_audit(done.stdout, done.stderr)


def judge_audit(report: str, errors: str) -> Finding:
    """What pip-audit found. It calls a package that the service does not know skipped, and ends with success."""
    try:
        packages = json.loads(report)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        return Finding(Verdict.UNCHECKED, "the advisory service does not answer", errors.strip().splitlines()[-1:])
    weak = [f"{each['name']} {each['version']}: {vuln['id']}" for each in packages for vuln in each.get("vulns", ())]
    unknown = [f"{each['name']}: {each['skip_reason']}" for each in packages if each.get("skip_reason")]
    if weak:
        return Finding(Verdict.FOUND, f"{len(weak)} known weaknesses", weak)
    if unknown:
        sentence = f"{len(unknown)} of {len(packages)} packages are unknown to the advisory service"
        return Finding(Verdict.UNCHECKED, sentence, unknown)
    return Finding(Verdict.CLEAN, f"{len(packages)} packages")


def console_dependencies() -> Finding:
    """npm's audit of what the console ships."""
    if shutil.which("npm") is None:
        return Finding(Verdict.UNCHECKED, "npm is not on PATH")
    done = run("npm", "audit", "--omit=dev", "--json", folder=FRONTEND)
    return judge_npm(done.stdout)


def judge_npm(report: str) -> Finding:
    """What npm found; low and moderate ones are left to its own output."""
    try:
        counts = json.loads(report)["metadata"]["vulnerabilities"]
    except (json.JSONDecodeError, KeyError):
        return Finding(Verdict.UNCHECKED, "the advisory service does not answer")
    bad = counts.get("high", 0) + counts.get("critical", 0)
    if bad:
        return Finding(Verdict.FOUND, f"{bad} packages with high or critical weaknesses; `npm audit` names them")
    return Finding(Verdict.CLEAN, "no package with a high or critical weakness")


def secrets() -> Finding:
    """detect-secrets on every tracked file that the commit hook reads too; the baseline stays as it is."""
    excluded = re.compile("|".join(hook_exclusions()))
    tracked = run("git", "ls-files", "-z").stdout.split("\0")
    files = [name for name in tracked if name and not excluded.search(name) and (ROOT / name).is_file()]
    if not files:
        return Finding(Verdict.UNCHECKED, "git lists no files here")
    with tempfile.TemporaryDirectory() as folder:
        # The tool rewrites line numbers in the baseline it is given.
        baseline = shutil.copy(ROOT / ".secrets.baseline", folder)
        done = run(str(TOOLS / "detect-secrets-hook"), "--json", "--baseline", str(baseline), *files)
    if done.returncode in (0, 3):
        return Finding(Verdict.CLEAN, f"{len(files)} files")
    try:
        found = json.loads(done.stdout)["results"]
    except (json.JSONDecodeError, KeyError):
        return Finding(Verdict.UNCHECKED, "detect-secrets did not report", done.stderr.splitlines()[-3:])
    lines = [f"{name}:{each['line_number']}: {each['type']}" for name, all_of in found.items() for each in all_of]
    return Finding(Verdict.FOUND, f"{len(lines)} possible secrets", lines)


def hook_exclusions() -> list[str]:
    """What the commit hook leaves out, here and for every hook."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    own = [hook["exclude"] for repo in hooks["repos"] for hook in repo["hooks"] if hook["id"] == "detect-secrets"]
    return [hooks["exclude"], *own]


CHECKS: dict[str, Callable[[], Finding]] = {
    "sources": sources,
    "Python dependencies": python_dependencies,
    "console dependencies": console_dependencies,
    "secrets": secrets,
}


def verdict_of(findings: Sequence[Finding], *, strict: bool) -> tuple[str, int]:
    """The last line, and the exit status."""
    found = [finding for finding in findings if finding.verdict is Verdict.FOUND]
    unchecked = [finding for finding in findings if finding.verdict is Verdict.UNCHECKED]
    if found:
        return f"security: {len(found)} of {len(findings)} checks found something", 1
    if unchecked:
        return f"security: nothing found, but {len(unchecked)} of {len(findings)} checks could not be made", int(strict)
    return f"security: clean, all {len(findings)} checks", 0


def main() -> int:
    """Make every check and print what it says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--strict", action="store_true", help="fail when something could not be checked")
    wanted = parser.parse_args()
    findings = []
    for name, check in CHECKS.items():
        try:
            finding = check()
        except subprocess.TimeoutExpired:
            finding = Finding(Verdict.UNCHECKED, f"it took longer than {LIMIT:g} s")
        findings.append(finding)
        print(f"{name}: {finding.verdict}, {finding.sentence}", flush=True)
        for line in finding.lines[:SHOWN]:
            print(f"  {line}")
        if len(finding.lines) > SHOWN:
            print(f"  and {len(finding.lines) - SHOWN} more")
    sentence, status = verdict_of(findings, strict=wanted.strict)
    print(sentence)
    return status


if __name__ == "__main__":
    sys.exit(main())
