"""Evidence: what the devices are configured to do and what their consoles printed, kept in S3 with a manifest.

Keys depend only on session, device and file, so a repeated collection replaces its own files and leaves nothing behind.
"""

import asyncio
import hashlib
import logging
import re
from dataclasses import dataclass
from datetime import datetime

import orjson

from lablet_controller.outside import Deps
from lcm_core.contracts.sessions import EvidenceFile
from lcm_core.spi.cml_labs import NodeInfo, NodeState
from lcm_core.spi.cml_system import CmlTarget
from lcm_core.spi.errors import OutsideError, OutsideNotFound, OutsideRefused
from lcm_core.topology import node_definition

log = logging.getLogger(__name__)
NODES_AT_ONCE = 8
EVIDENCE = "evidence/"
"""Start of every key of evidence."""
CONFIGURATION, CONSOLE_LOG = "configuration", "console_log"
MAIN = "Main"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was stored; ``missing`` says in one sentence each what could not be read."""

    bucket: str
    manifest_key: str
    files: tuple[EvidenceFile, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    device: str
    kind: str
    name: str
    text: str


async def collect(deps: Deps, target: CmlTarget, lab_id: str, session_id: str, bucket: str, at: datetime) -> Evidence:
    """Read every device and store what it says. Raises ``OutsideError`` when CML or S3 does not answer."""
    nodes = await deps.outside.cml.nodes(target, lab_id)
    gate = asyncio.Semaphore(NODES_AT_ONCE)
    missing: list[str] = []

    async def read(node: NodeInfo) -> list[_Found]:
        async with gate:
            return await _read(deps, target, lab_id, node, missing)

    devices = [node for node in nodes if node_definition(node.node_definition).counts]
    found = [each for part in await asyncio.gather(*(read(node) for node in devices)) for each in part]
    await deps.outside.store.ensure_bucket(bucket)
    await _expire(deps, bucket)
    prefix = f"{EVIDENCE}{session_id}"

    async def store(each: _Found) -> EvidenceFile:
        async with gate:
            content = each.text.encode()
            key = f"{prefix}/{_safe(each.device)}/{each.kind}/{_safe(each.name)}"
            await deps.outside.store.put(bucket, key, content, "text/plain; charset=utf-8")
            digest = hashlib.sha256(content).hexdigest()
            return EvidenceFile(
                device=each.device, kind=each.kind, name=each.name, key=key, sha256=digest, size=len(content)
            )

    files = tuple(await asyncio.gather(*(store(each) for each in found)))
    manifest_key = f"{prefix}/manifest.json"
    body = {
        "session_id": session_id,
        "collected_at": at.isoformat(),
        "files": [file.model_dump() for file in files],
        "missing": missing,
    }
    await deps.outside.store.put(bucket, manifest_key, orjson.dumps(body), "application/json")
    return Evidence(bucket, manifest_key, files, tuple(missing))


async def _expire(deps: Deps, bucket: str) -> None:
    """Have old evidence removed; a storage that cannot do that, or not now, is no reason to collect none."""
    if deps.settings.evidence_days:
        try:
            await deps.outside.store.expire(bucket, EVIDENCE, deps.settings.evidence_days)
        except OutsideError as error:
            log.warning("old evidence in %s is not removed: %s", bucket, error)


async def _read(deps: Deps, target: CmlTarget, lab_id: str, node: NodeInfo, missing: list[str]) -> list[_Found]:
    """Configuration files and console log of one device."""
    cml = deps.outside.cml
    if node_definition(node.node_definition).extractable and node.state is NodeState.BOOTED:
        try:
            await cml.extract(target, lab_id, node.id)
        except OutsideRefused as error:
            missing.append(f"The running configuration of {node.label} cannot be read: {error}")
    files = await cml.files(target, lab_id, node.id)
    found = [_Found(node.label, CONFIGURATION, name or MAIN, text) for name, text in files.items()]
    try:
        log = await cml.console_log(target, lab_id, node.id)
        found.append(_Found(node.label, CONSOLE_LOG, "console-0.log", log))
    except OutsideNotFound:
        pass  # a node without a console, or one that printed nothing
    return found


def _safe(name: str) -> str:
    """A readable part of a key; different names stay different."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name)
    return plain if plain == name and plain.strip(".") else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
