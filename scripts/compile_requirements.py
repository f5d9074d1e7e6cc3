#!/usr/bin/env python3
"""Resolve the tools' ``*.in`` files into ``*.txt`` files with hashes, for every supported Python and platform.

Run after editing an ``.in`` file, then commit both. The result holds no index address: pip uses whatever index the
machine is set up for.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (ROOT / "src" / "simulators" / "requirements", ROOT / "scripts" / "requirements")


def compile_file(uv: Path, source: Path) -> None:
    """Resolve one ``.in`` file. Raises ``CalledProcessError`` when it has no solution."""
    environment = dict(os.environ)
    if certificates := environment.get("PIP_CERT"):
        environment.setdefault("SSL_CERT_FILE", certificates)
    subprocess.run(
        [
            *(str(uv), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"),
            *("--no-emit-index-url", "--no-emit-find-links", "--no-annotate"),
            *("--custom-compile-command", "python scripts/compile_requirements.py"),
            *(source.name, "--output-file", source.with_suffix(".txt").name),
        ],
        check=True,
        cwd=source.parent,
        env=environment,
    )


def main() -> int:
    """Compile the named files, or all of them."""
    uv = ROOT / ".tools" / "venvs" / "uv" / "bin" / "uv"
    if not uv.exists():
        print("run `python scripts/bootstrap_tools.py uv` first", file=sys.stderr)
        return 1
    names = set(sys.argv[1:])
    for folder in FOLDERS:
        for source in sorted(folder.glob("*.in")):
            if not names or source.stem in names:
                compile_file(uv, source)
                print(f"{source.relative_to(ROOT)} resolved")
    return 0


if __name__ == "__main__":
    sys.exit(main())
