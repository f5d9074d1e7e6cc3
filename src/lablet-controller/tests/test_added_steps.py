"""What a definition adds to the building of its lab: checked with line and field, run in its place."""

import pytest
from lablet_rig import Rig
from lablet_samples import two_routers

from lablet_controller.content.package import derive, read_package
from lablet_controller.pipeline.instantiate import instantiate
from lcm_core.content.errors import ContentRefused
from lcm_core.contracts.sessions import PipelineStep, SessionView
from lcm_core.domain.vocabulary import SessionOutcome, SessionPhase, StepState

rig_test = pytest.mark.asyncio(loop_scope="session")
P = SessionPhase
PIPELINE = """\
version: 1
extends: instantiate
steps:
  - name: banner
    after: lab
    action: configure
    device: R1
    configuration: |
      hostname R1
      banner motd ^Session ${SESSION_ID} of ${OWNER} at ${PORT_R1_SERIAL}^
  - name: settle
    after: boot
    action: pause
    seconds: 0.2
  - name: banner-is-there
    after: settle
    action: check-configuration
    device: R1
    must_contain: banner motd
    must_not_contain: hostname R2
    timeout_seconds: 30
  - name: names-itself
    after: devices
    action: wait-console
    device: R2
    must_contain: R2
    when: graded
"""


def faults(pipeline: str) -> list[tuple[int, str, str]]:
    with pytest.raises(ContentRefused) as caught:
        read_package(two_routers(pipeline=pipeline))
    assert {error.file for error in caught.value.errors} == {"pipeline.yaml"}
    return [(error.line, error.field, error.message) for error in caught.value.errors]


def test_added_steps_stand_behind_the_ones_they_follow() -> None:
    derived = derive(read_package(two_routers(pipeline=PIPELINE)), "bucket", "key", "")
    names = [step.name for step in instantiate(derived.added_steps).steps]
    assert names == [
        "content", "lab", "banner", "boot", "settle", "banner-is-there", "delivery", "devices", "names-itself",
    ]  # fmt: skip


def test_steps_that_follow_the_same_step_keep_the_order_of_the_file() -> None:
    more = PIPELINE + "  - {name: second, after: boot, action: pause, seconds: 1}\n"
    names = [step.name for step in instantiate(read_package(two_routers(pipeline=more)).added_steps).steps]
    assert names[names.index("boot") :][:4] == ["boot", "settle", "banner-is-there", "second"]


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "word"),
    [
        ("after: lab", "after: moon", 5, "steps[0].after", "no step 'moon'"),
        ("after: lab", "after: boot", 5, "steps[0].after", "before it boots"),
        ("device: R1\n    configuration", "device: R9\n    configuration", 7, "steps[0].device", "no node 'R9'"),
        ("PORT_R1_SERIAL", "PORT_R7", 8, "steps[0].configuration", "PORT_R7"),
        ("action: pause", "action: explode", 11, "steps[1]", "explode"),
        ("seconds: 0.2", "seconds: -1", 14, "steps[1].seconds", "greater than 0"),
        ("name: settle", "name: boot", 11, "steps[1].name", "already"),
        ("after: settle", "after: lab", 16, "steps[2].after", "only after the step boot"),
        ("must_contain: R2", "must_match: R2", 22, "steps[3].must_contain", "required"),
        ("when: graded", "when: raining", 27, "steps[3].when", "graded"),
        ("extends: instantiate", "extends: teardown", 2, "extends", "instantiate"),
    ],
)
def test_a_fault_is_told_with_line_field_and_reason(old: str, new: str, line: int, field: str, word: str) -> None:
    assert old in PIPELINE
    found = faults(PIPELINE.replace(old, new))
    assert any(f == field and word in message for _, f, message in found), found
    assert any(at == line for at, f, _ in found if f == field), found


def step(session: SessionView, name: str) -> PipelineStep:
    assert session.status.pipeline is not None
    return next(each for each in session.status.pipeline.steps if each.name == name)


@rig_test
async def test_added_steps_run_with_the_sessions_own_words(rig: Rig) -> None:
    definition, worker = await rig.define(two_routers(pipeline=PIPELINE)), await rig.worker()
    assert definition.status.content is not None, definition.status.sync.errors
    session = await rig.start(definition, worker)
    ready = await rig.reach(session.id, P.READY)
    assert ready.status.lab is not None
    for name in ("banner", "settle", "banner-is-there", "names-itself"):
        assert step(ready, name).state is StepState.DONE, step(ready, name)
    async with rig.cml(worker) as http:
        topology = (await http.get(f"/labs/{ready.status.lab.cml_lab_id}/download")).text
    assert ready.status.placement is not None
    port = ready.status.placement.ports["R1_SERIAL"]
    assert f"Session {session.id} of {ready.spec.owner} at {port}" in topology
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, P.TERMINATED)


@rig_test
async def test_a_condition_that_is_not_met_fails_the_build_unless_the_step_is_optional(rig: Rig) -> None:
    never = PIPELINE.replace("must_contain: banner motd", "must_contain: no such line").replace(
        "timeout_seconds: 30", "timeout_seconds: 0.3"
    )
    strict, worker = await rig.define(two_routers(pipeline=never)), await rig.worker()
    session = await rig.start(strict, worker)
    waiting = await rig.reach(session.id, P.PENDING)
    assert waiting.status.reason == "ConditionNotMet"
    assert "lacks 'no such line'" in waiting.status.message
    assert await rig.labs(worker) == []
    await rig.ask(session.id, "cancel")
    assert (await rig.reach(session.id, P.TERMINATED)).status.outcome is SessionOutcome.CANCELLED

    lenient = await rig.define(
        two_routers(pipeline=never.replace("timeout_seconds: 0.3", "timeout_seconds: 0.3\n    optional: true"))
    )
    session = await rig.start(lenient, worker)
    ready = await rig.reach(session.id, P.READY)
    assert step(ready, "banner-is-there").state is StepState.SKIPPED
    assert "Passed over" in step(ready, "banner-is-there").message
    await rig.ask(session.id, "cancel")
    await rig.reach(session.id, P.TERMINATED)
