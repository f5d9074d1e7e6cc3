"""Steps that a definition adds: pause, configure a device, wait for its console or its configuration."""

from lablet_controller.labs.teardown import SHORTEST_POLL
from lablet_controller.pipeline.model import Skip, Step, StepAction, StepContext, StepFailed, StepResult
from lcm_core.contracts.pipelines import AddedStep, CheckStep, ConfigureStep, ConsoleStep, PauseStep, StepWhen
from lcm_core.spi.cml_labs import NodeInfo
from lcm_core.spi.errors import OutsideNotFound, OutsideRefused
from lcm_core.topology import node_definition
from lcm_core.topology.ports import PLACEHOLDER

MAIN = "Main"


def added_step(step: AddedStep) -> Step:
    """The step that carries out what the definition says."""
    match step:
        case PauseStep():
            run = _pausing(step)
        case ConfigureStep():
            run = _configuring(step)
        case ConsoleStep():
            run = _awaiting_console(step)
        case CheckStep():
            run = _checking(step)
    return Step(
        step.name,
        run,
        skip=_SKIPS[step.when],
        needs=(step.after,),
        effects=isinstance(step, ConfigureStep),
        optional=step.optional,
        attempts=step.attempts,
    )


def _always(context: StepContext) -> str:
    del context
    return ""


def _unless_graded(context: StepContext) -> str:
    return "" if context.session.spec.graded else "Only graded sessions need it."


def _unless_delivered(context: StepContext) -> str:
    return "" if context.deps.outside.deliveries.of(context.region) else "Nothing is delivered here."


def _unless_imported(context: StepContext) -> str:
    return "The lab was taken from the warm pool." if context.output("lab", "pooled") else ""


_SKIPS: dict[StepWhen, Skip] = {
    StepWhen.ALWAYS: _always,
    StepWhen.GRADED: _unless_graded,
    StepWhen.DELIVERED: _unless_delivered,
    StepWhen.IMPORTED: _unless_imported,
}


def _pausing(step: PauseStep) -> StepAction:
    async def run(context: StepContext) -> StepResult:
        left = step.seconds - _spent(context)
        if left > 0:
            return StepResult(f"Waits {step.seconds:g} s.", wait=max(0.01, left / context.deps.clock.factor))
        return StepResult(f"Waited {step.seconds:g} s.")

    return run


def _configuring(step: ConfigureStep) -> StepAction:
    async def run(context: StepContext) -> StepResult:
        node = await _node(context, step.device)
        text = PLACEHOLDER.sub(lambda match: str(context.placement.ports[match.group(1)]), step.configuration)
        text = text.replace("${SESSION_ID}", context.session.id).replace("${OWNER}", context.session.spec.owner)
        name = next(iter(node.files), MAIN) if len(node.files) < 2 else MAIN
        await context.deps.outside.cml.configure(context.cml, _lab(context), node.id, {name: text})
        return StepResult(f"{step.device} is given {len(text.splitlines())} lines.")

    return run


def _awaiting_console(step: ConsoleStep) -> StepAction:
    async def run(context: StepContext) -> StepResult:
        node = await _node(context, step.device)
        try:
            log = await context.deps.outside.cml.console_log(context.cml, _lab(context), node.id)
        except OutsideNotFound:
            log = ""  # it has printed nothing yet
        if step.must_contain in log:
            return StepResult(f"{step.device} printed {step.must_contain!r}.")
        return _later(context, step, f"{step.device} has not printed {step.must_contain!r}")

    return run


def _checking(step: CheckStep) -> StepAction:
    async def run(context: StepContext) -> StepResult:
        cml, node = context.deps.outside.cml, await _node(context, step.device)
        if node_definition(node.node_definition).extractable:
            try:
                await cml.extract(context.cml, _lab(context), node.id)
            except OutsideRefused as error:
                return _later(context, step, str(error))
        text = "\n".join((await cml.files(context.cml, _lab(context), node.id)).values())
        if step.must_contain is not None and step.must_contain not in text:
            return _later(context, step, f"the configuration of {step.device} lacks {step.must_contain!r}")
        if step.must_not_contain is not None and step.must_not_contain in text:
            return _later(context, step, f"the configuration of {step.device} holds {step.must_not_contain!r}")
        return StepResult(f"{step.device} is configured as it should be.")

    return run


def _later(context: StepContext, step: ConsoleStep | CheckStep, sentence: str) -> StepResult:
    """Look again, or fail when the step's time is over. Raises ``StepFailed``."""
    if _spent(context) >= step.timeout_seconds:
        message = f"After {step.timeout_seconds:g} s: {sentence}."
        raise StepFailed("ConditionNotMet", message, elsewhere=True)
    settings, clock = context.deps.settings, context.deps.clock
    return StepResult(f"Waits: {sentence}.", wait=max(SHORTEST_POLL, settings.boot_poll_seconds / clock.factor))


def _spent(context: StepContext) -> float:
    """Seconds of domain time since the step was begun."""
    now = context.deps.clock.now()
    return (now - (context.begun_at or now)).total_seconds()


def _lab(context: StepContext) -> str:
    return context.output("lab", "cml_lab_id")


async def _node(context: StepContext, label: str) -> NodeInfo:
    """The device in the session's lab, with its configurations. Raises ``StepFailed``."""
    try:
        nodes = await context.deps.outside.cml.nodes(context.cml, _lab(context), with_configurations=True)
    except OutsideNotFound as error:
        raise StepFailed("LabLost", f"The lab vanished while it was built: {error}", elsewhere=True) from error
    for node in nodes:
        if node.label == label:
            return node
    raise StepFailed("DeviceMissing", f"The lab has no device {label}.", elsewhere=False)
