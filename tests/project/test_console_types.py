"""The console's types say what the API says."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import openapi  # noqa: E402


def test_the_committed_models_are_those_of_the_api() -> None:
    assert openapi.is_current(), "run `make types` and commit what it changes"
