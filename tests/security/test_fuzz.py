"""A short walk of every fuzz target; `make fuzz MINUTES=60` takes the long one."""

import pytest

from tests.security.targets import TARGETS, Target

EXAMPLES = 60


@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
def test_strange_input_is_read_or_refused_as_documented(target: Target) -> None:
    target.walk(EXAMPLES)
