#!/usr/bin/env python3
"""Write what the console needs of the OpenAPI document: the models of the public API. Starts nothing.

``make types`` runs this and generates the console's types from the result; a test compares the committed document with
the present one. With ``--check`` nothing is written, and the exit code is 1 when they differ.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import cast

from control_plane_api.composition.platform import build_platform
from control_plane_api.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "src" / "control-plane-api" / "frontend" / "openapi.json"
REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')


def document() -> str:
    """The models that public paths name, directly or through others, as an OpenAPI document without paths."""
    described = build_platform(Settings()).api.openapi()
    public = {path: entry for path, entry in described["paths"].items() if not path.startswith("/internal")}
    schemas = cast("dict[str, object]", described["components"]["schemas"])
    wanted: dict[str, object] = {}
    waiting = REFERENCE.findall(json.dumps(public))
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted[name] = schemas[name]
            waiting += REFERENCE.findall(json.dumps(schemas[name]))
    info = {"title": described["info"]["title"], "version": ""}
    kept = {"openapi": described["openapi"], "info": info, "paths": {}, "components": {"schemas": wanted}}
    return json.dumps(kept, indent=1, sort_keys=True) + "\n"


def is_current() -> bool:
    """Whether the committed document says what the API says."""
    return DOCUMENT.is_file() and DOCUMENT.read_text() == document()


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare, write nothing")
    if not parser.parse_args().check:
        DOCUMENT.write_text(document())
        return 0
    if is_current():
        return 0
    print(f"{DOCUMENT.relative_to(ROOT)} is not what the API says: run `make types`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
