"""An exam morning in virtual time: 600 sessions in three slots, the fleet started from nothing and stopped again."""

from datetime import timedelta

from simulation import Simulation
from worlds import NOW, definition, session, template

from lcm_core.contracts.common import Resources
from lcm_core.domain.vocabulary import SessionPhase, WorkerPhase
from resource_scheduler.settings import SchedulerSettings

SLOTS = tuple(NOW + timedelta(hours=3, minutes=150 * number) for number in range(3))


def test_every_session_is_ready_before_its_slot_and_the_workers_are_stopped_afterwards() -> None:
    exam = definition("exam", needs=Resources(cores=6, memory_mb=20 * 1024, storage_gb=16, nodes=12), ports=6)
    morning = Simulation([exam], [template(limit=25)], SchedulerSettings(stops_at_once=25))
    for number in range(600):
        morning.add(session(f"s{number:03}", exam, start=SLOTS[number % 3], minutes=120, owner=f"o{number % 40}"))
    seen: dict[str, bool] = {}
    first_running = None
    while morning.now < NOW + timedelta(hours=13):
        plan = morning.settle()
        running = sum(each.status.phase is WorkerPhase.RUNNING for each in morning.workers.values())
        if running and first_running is None:
            first_running = morning.now
        for name, each in morning.sessions.items():
            if each.phase is SessionPhase.READY and name not in seen:
                assert each.ready_at is not None
                seen[name] = each.ready_at <= each.view.spec.slot.start
        assert plan.next_at is not None
        morning.advance(min(max(plan.next_at, morning.now + timedelta(minutes=1)), morning.now + timedelta(minutes=5)))
    assert len(seen) == 600
    assert all(seen.values()), f"late: {[name for name, in_time in seen.items() if not in_time][:5]}"
    assert len(morning.workers) == 25
    assert first_running is not None
    assert first_running > SLOTS[0] - timedelta(minutes=45), "the fleet was started far too early"
    assert {each.status.phase for each in morning.workers.values()} == {WorkerPhase.STOPPED}
