"""Step *content*: the definition's topology is at hand."""

from lablet_controller.pipeline.model import StepContext, StepFailed, StepResult
from lcm_core.spi.errors import OutsideNotFound


async def load_content(context: StepContext) -> StepResult:
    """Read the topology of the pinned package, from memory when it was used before."""
    content = context.content
    try:
        topology = await context.deps.topologies.get(content)
    except OutsideNotFound as error:
        raise StepFailed("ContentLost", f"The stored package is gone: {error}", elsewhere=False) from error
    missing = sorted({slot.name for slot in content.port_template} - set(context.placement.ports))
    if missing:
        raise StepFailed("PortsMissing", f"The placement gives no port for {', '.join(missing)}.", elsewhere=True)
    return StepResult(f"{len(topology.nodes)} nodes.", {"package_sha256": content.package_sha256})
