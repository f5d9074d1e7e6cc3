"""Steps *delivery* and *devices*: the delivery system holds a session with the devices of the lab."""

from lablet_controller.failpoints import failpoint
from lablet_controller.pipeline.model import StepContext, StepResult
from lcm_core.contracts.sessions import DeviceAccess, PutUserSession
from lcm_core.domain.vocabulary import PortProtocol, UserSessionPhase
from lcm_core.spi.lds import DeliverySystem, LdsDevice, LdsReservation, LdsSession, LdsState

PART = 1
STEP = "delivery"
LDS_SESSION_ID = "lds_session_id"
UNHEARD = "The delivery system was asked for a session and its answer was not heard: it is looked for once more."
_OVER = frozenset({LdsState.USER_FINISHED, LdsState.ARCHIVED})
_SCHEMES = {PortProtocol.SERIAL: "telnet", PortProtocol.VNC: "vnc", PortProtocol.SSH: "ssh", PortProtocol.PAT: "tcp"}


def no_delivery(context: StepContext) -> str:
    """Why nothing is delivered, empty when it is."""
    return "" if context.deps.outside.deliveries.of(context.region) else "No delivery system is configured."


def _delivery(context: StepContext) -> DeliverySystem:
    delivery = context.deps.outside.deliveries.of(context.region)
    assert delivery is not None  # the steps are skipped without one
    return delivery


async def reserve_delivery(context: StepContext) -> StepResult:
    """Adopt the delivery session of an earlier attempt or make one: creation is not idempotent at LDS."""
    delivery = _delivery(context)
    for known in await delivery.find(context.session.id):
        if known.state not in _OVER:
            return _reserved(known, "Adopted the delivery session of an earlier attempt.")
    if context.unsettled:
        return StepResult(UNHEARD, wait=context.unsettled)
    spec = context.session.spec
    first, _, last = (spec.owner_name or spec.owner).partition(" ")
    made = await delivery.create(
        LdsReservation(
            auth_id=context.session.id,
            candidate_id=spec.owner,
            first_name=first,
            last_name=last or first,
            form_qualified_name=context.definition.spec.form_qualified_name,
            scheduled_date=context.placement.booked.start.isoformat(),
            region=_region(context),
        )
    )
    failpoint("delivery.created")
    return _reserved(made, "Delivery session reserved.")


def _reserved(session: LdsSession, message: str) -> StepResult:
    return StepResult(message, {LDS_SESSION_ID: session.id, "part_id": session.part_id})


def _region(context: StepContext) -> str:
    return context.deps.lds_region or context.region


async def hand_over_devices(context: StepContext) -> StepResult:
    """Tell the delivery system how each device is reached, and keep the learner's link."""
    delivery, lds_id = _delivery(context), context.output(STEP, LDS_SESSION_ID)
    devices = device_access(context)
    await delivery.set_devices(
        lds_id,
        PART,
        [
            LdsDevice(each.label, each.protocol, each.host, each.port, each.uri, each.username, each.password)
            for each in devices
        ],
    )
    url = await delivery.launch_url(lds_id)
    await context.deps.control_plane.put_user_session(
        context.session.id,
        PutUserSession(
            phase=UserSessionPhase.PROVISIONED,
            lds_session_id=lds_id,
            part_id=context.output(STEP, "part_id"),
            region=_region(context),
            launch_url=url,
            devices=devices,
            message=f"{len(devices)} devices.",
        ),
    )
    return StepResult(f"{len(devices)} devices handed over.")


def device_access(context: StepContext) -> list[DeviceAccess]:
    """How each device of the definition is reached with the session's ports."""
    found: list[DeviceAccess] = []
    for device in context.content.devices:
        port = context.placement.ports.get(device.port_name)
        if port is None:
            continue
        found.append(
            DeviceAccess(
                label=device.label,
                protocol=device.protocol.value,
                host=context.host,
                port=port,
                uri=f"{_SCHEMES[device.protocol]}://{context.host}:{port}",
                username=device.username,
            )
        )
    return found


async def undo_delivery(context: StepContext) -> None:
    """Release every delivery session of the session."""
    deliveries = context.deps.outside.deliveries
    known_place = deliveries.of(context.region)
    # Of a worker that is forgotten not even the region is known: then every deployment is asked.
    places = deliveries.all if not context.region else (known_place,) if known_place is not None else ()
    for delivery in places:
        for known in await delivery.find(context.session.id):
            if known.state is not LdsState.ARCHIVED:
                await delivery.release(known.id)
