"""What counts as growth without end."""

from tests.exam.flatness import Sample, growing


def day(memory: float = 0.0, files: float = 0.0, claims: float = 0.0, sessions: float = 40.0) -> list[Sample]:
    """A day of 24 hours in which these amounts are added each hour."""
    return [
        Sample(
            hour / 2,
            {"control-plane": 200 + memory * hour / 2},
            {"control-plane": int(60 + files * hour / 2)},
            {"claims": int(4 + claims * hour / 2), "sessions": int(sessions * hour / 2)},
            100,
        )
        for hour in range(49)
    ]


def test_what_is_stored_may_grow() -> None:
    assert growing(day(memory=0.5), 24) == []


def test_memory_files_and_bounded_collections_may_not() -> None:
    assert growing(day(memory=3), 24) == ["control-plane grew from 226 to 263 MiB"]
    assert growing(day(files=2), 24) == ["control-plane had 78 files open, later 102"]
    assert growing(day(claims=1), 24) == ["collection claims grew from 15 to 28 documents"]


def test_a_day_that_was_not_watched_says_so() -> None:
    assert growing(day()[:10], 24) == ["too little was measured to say whether anything grows"]
