#!/usr/bin/env python3
"""House rules that no off-the-shelf linter knows.

* a Python module has at most 400 lines;
* tests never sleep but poll or wait for an event under a deadline;
* ``dict[str, Any]`` crosses no public signature (beyond a small, shrinking budget for foreign data);
* lock and requirement files name no package index.

Prints one line per violation and exits 1. Uses the standard library only.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAX_LINES = 400
MAX_POLL_SECONDS = 0.1
UNTYPED_SIGNATURES_ALLOWED = 12
UNTYPED = re.compile(r"\b(dict|Mapping)\[str, (Any|object)\]")
INDEX_ADDRESS = re.compile(r"https?://|^--(extra-)?index-url|^\[\[?tool\.poetry\.source", re.MULTILINE)


def python_files(*folders: str) -> Iterator[Path]:
    """Yield the project's Python files under ``folders``, without generated and vendored ones."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not {"node_modules", ".venv", "__pycache__"} & set(path.parts):
                yield path


def name_of(path: Path) -> str:
    """Path as shown in messages."""
    return str(path.relative_to(ROOT))


def long_files() -> Iterator[str]:
    """Files above the hard limit of lines."""
    for path in python_files("src", "scripts", "tests"):
        lines = len(path.read_text().splitlines())
        if lines > MAX_LINES:
            yield f"{name_of(path)}: {lines} lines, the limit is {MAX_LINES}: split it by idea"


def _is_long_sleep(call: ast.Call, *, in_loop: bool) -> bool:
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr != "sleep" or not isinstance(function.value, ast.Name):
        return False
    if function.value.id not in {"asyncio", "time"}:
        return False
    seconds = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if seconds == 0:
        return False
    return not (in_loop and isinstance(seconds, int | float) and seconds <= MAX_POLL_SECONDS)


def sleeping_tests() -> Iterator[str]:
    """Sleeps in tests, except short ones in a loop that polls another process."""
    for path in python_files("src", "tests"):
        # A benchmark that measures idleness has nothing to wait for; a scenario of many minutes looks now and then, and
        # a schedule of faults is made of instants; in the simulation no time passes at all.
        if "tests" not in path.parts or {"benchmarks", "chaos", "exam", "simulate"} & set(path.parts):
            continue
        tree = ast.parse(path.read_text())
        looped = {
            id(inner)
            for loop in ast.walk(tree)
            if isinstance(loop, ast.While | ast.For | ast.AsyncFor)
            for inner in ast.walk(loop)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _is_long_sleep(node, in_loop=id(node) in looped):
                yield f"{name_of(path)}:{node.lineno}: a test sleeps; wait for the event itself under a deadline"


def untyped_signatures() -> list[str]:
    """Public functions of the product that take or return a dictionary of anything.

    The simulators are left out: their documents are those of the foreign systems, whatever these hold.
    """
    found: list[str] = []
    for path in python_files("src"):
        if {"tests", "simulators"} & set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
                continue
            arguments = [*node.args.args, *node.args.kwonlyargs]
            annotations = [argument.annotation for argument in arguments] + [node.returns]
            if any(UNTYPED.search(ast.unparse(annotation)) for annotation in annotations if annotation):
                found.append(
                    f"{name_of(path)}:{node.lineno}: {node.name} has a dictionary of anything in its signature"
                )
    return found


def index_addresses() -> Iterator[str]:
    """Lock and requirement files that name a package index."""
    patterns = ("poetry.lock", "src/*/poetry.lock", "src/*/requirements/*.txt", "scripts/requirements/*.txt")
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            # What a library says of itself may name its home page; that is no index.
            text = re.sub(r"^description = .*$", "", path.read_text(), flags=re.MULTILINE)
            if INDEX_ADDRESS.search(text):
                yield f"{name_of(path)}: names a package index; lock with scripts/lock.py or compile_requirements.py"
    for path in ROOT.glob("src/*/frontend/package-lock.json"):
        if '"resolved": "http' in path.read_text():
            yield f"{name_of(path)}: names a package index; lock with omit-lockfile-registry-resolved=true"


def violations() -> list[str]:
    """Every violation of the house rules, one sentence each."""
    found = [*long_files(), *sleeping_tests(), *index_addresses()]
    untyped = untyped_signatures()
    if len(untyped) > UNTYPED_SIGNATURES_ALLOWED:
        found += [*untyped, f"{len(untyped)} untyped public signatures, {UNTYPED_SIGNATURES_ALLOWED} are allowed"]
    return found


def main() -> int:
    """Print the violations; 1 when there are any."""
    found = violations()
    print("\n".join(found) if found else "house rules: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
