"""A service dies at the point that its environment names, and at no other."""

import pytest

from lcm_core.failpoints import VARIABLE, Failpoints, parse

KNOWN = ("before", "after")


def test_points_and_passes_are_read() -> None:
    assert parse("after:2, before", KNOWN) == {"after": 2, "before": 1}


def test_a_point_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no point nonsense; there are before, after"):
        parse("nonsense", KNOWN)
    with pytest.raises(ValueError, match="there is no point nonsense"):
        Failpoints(KNOWN, "nonsense")


def test_the_environment_is_read_at_the_first_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    failpoint = Failpoints(KNOWN)
    died: list[int] = []
    monkeypatch.setattr("os._exit", died.append)
    monkeypatch.setenv(VARIABLE, "after:2")
    failpoint("before")
    failpoint("after")
    assert died == []
    monkeypatch.delenv(VARIABLE)
    failpoint("after")
    assert died == [86]
