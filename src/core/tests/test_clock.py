"""Clocks: domain time, its anchor file, manual time."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lcm_core.clock import ClockAnchor, DomainClock, ManualClock

START = datetime(2030, 1, 1, tzinfo=UTC)


def anchored(path: Path, factor: float, real: datetime = START, domain: datetime = START) -> Path:
    ClockAnchor(real, domain, factor).write(path)
    return path


def test_domain_time_is_real_time_without_a_file() -> None:
    base = ManualClock(START)
    clock = DomainClock(base=base)
    base.advance(90)
    assert clock.now() == START + timedelta(seconds=90)


def test_domain_time_runs_faster_from_its_anchor(tmp_path: Path) -> None:
    base = ManualClock(START)
    domain = datetime(2031, 5, 1, 9, tzinfo=UTC)
    clock = DomainClock(anchored(tmp_path / "clock.json", 60, START, domain), base=base)
    base.advance(60)
    assert clock.now() == domain + timedelta(hours=1)
    assert clock.real_seconds_until(clock.now() + timedelta(minutes=10)) == pytest.approx(10)
    assert clock.real_seconds_until(clock.now() - timedelta(minutes=10)) == 0


def test_domain_time_never_goes_back_when_the_machine_clock_is_set_back() -> None:
    class Jumping(ManualClock):
        offset = timedelta(0)

        def now(self) -> datetime:
            return super().now() + self.offset

    base = Jumping(START)
    clock = DomainClock(base=base)
    base.advance(10)
    before = clock.now()
    base.offset = timedelta(hours=-1)
    readings = [before]
    for _ in range(10):
        base.advance(60)
        readings.append(clock.now())
    assert readings == sorted(set(readings)), "time neither repeats nor stands still"
    base.advance(7200)
    assert clock.now() == base.now(), "it meets the machine's clock again"


def test_a_changed_anchor_is_picked_up(tmp_path: Path) -> None:
    base = ManualClock(START)
    path = anchored(tmp_path / "clock.json", 1)
    clock = DomainClock(path, base=base)
    base.advance(5)
    anchored(path, 30, base.now(), base.now())
    base.advance(2)
    clock.now()
    assert clock.factor == 30


def test_a_factor_above_sixty_needs_simulation(tmp_path: Path) -> None:
    path = anchored(tmp_path / "clock.json", 600)
    with pytest.raises(ValueError, match="above 60"):
        DomainClock(path)
    assert DomainClock(path, simulation=True).factor == 600


def test_an_unusable_clock_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    path.write_text('{"factor": 1}')
    with pytest.raises(ValueError, match="clock file"):
        DomainClock(path)


async def test_manual_timers_fire_in_order_at_their_instant() -> None:
    clock = ManualClock(START)
    fired: list[tuple[str, float]] = []
    clock.call_later(5, lambda: fired.append(("late", clock.monotonic())))
    clock.call_later(2, lambda: fired.append(("early", clock.monotonic())))
    clock.call_later(3, lambda: fired.append(("canceled", clock.monotonic()))).cancel()
    sleeper = asyncio.create_task(clock.sleep(4))
    await asyncio.sleep(0)
    clock.advance(10)
    await sleeper
    assert fired == [("early", 2), ("late", 5)]
