"""``apply`` and ``create``: objects from YAML."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from lcm_cli.api import Api, connected
from lcm_cli.errors import guarded
from lcm_cli.kinds import kind_of
from lcm_cli.manifests import (
    DefinitionManifest,
    Manifest,
    SessionManifest,
    TemplateManifest,
    WorkerManifest,
    package_bytes,
    read_manifests,
)
from lcm_cli.options import target_of
from lcm_core.clients.errors import Conflict
from lcm_core.contracts.definitions import ArtifactView, DefinitionView
from lcm_core.contracts.sessions import SessionView
from lcm_core.contracts.workers import TemplateView, WorkerView

FileOption = Annotated[Path, typer.Option("--file", "-f", help="YAML file with one or more documents.")]


@guarded
def apply(context: typer.Context, file: FileOption) -> None:
    """Make what the file declares; what exists already is revised or left alone."""
    _each(context, file, revise=True)


@guarded
def create(context: typer.Context, file: FileOption) -> None:
    """Make what the file declares; fails when it exists already."""
    _each(context, file, revise=False)


def _each(context: typer.Context, file: Path, *, revise: bool) -> None:
    manifests = list(read_manifests(file))  # every document is checked before anything is changed
    target = target_of(context)

    async def main() -> None:
        async with connected(target) as api:
            for manifest in manifests:
                typer.echo(await _one(api, manifest, file.parent, revise=revise))

    asyncio.run(main())


async def _one(api: Api, manifest: Manifest, folder: Path, *, revise: bool) -> str:
    match manifest:
        case TemplateManifest():
            return await _template(api, manifest, revise=revise)
        case WorkerManifest():
            return await _worker(api, manifest, revise=revise)
        case DefinitionManifest():
            return await _definition(api, manifest, folder, revise=revise)
        case SessionManifest():
            made = await api.client.call("POST", "/api/lablet-sessions", body=manifest.spec, response=SessionView)
            return f"session {made.id} reserved"


async def _named(api: Api, kind: str, name: str) -> BaseModel | None:
    items = await api.items(kind_of(kind), {})
    return next((item for item in items if item.spec.name == name), None)  # type: ignore[attr-defined]


async def _template(api: Api, manifest: TemplateManifest, *, revise: bool) -> str:
    known = await _named(api, "templates", manifest.spec.name) if revise else None
    if isinstance(known, TemplateView):
        if known.spec == manifest.spec:
            return f"template {manifest.spec.name} unchanged"
        path, headers = f"/api/worker-templates/{known.id}", {"If-Match": f'"{known.version}"'}
        await api.client.call("PUT", path, body=manifest.spec, headers=headers, response=TemplateView)
        return f"template {manifest.spec.name} revised"
    await api.client.call("POST", "/api/worker-templates", body=manifest.spec, response=TemplateView)
    return f"template {manifest.spec.name} created"


async def _worker(api: Api, manifest: WorkerManifest, *, revise: bool) -> str:
    spec = manifest.spec
    if revise and spec.name and await _named(api, "workers", spec.name) is not None:
        return f"worker {spec.name} unchanged"
    template_id = await api.id_of(kind_of("templates"), spec.template_id)
    body = spec.model_copy(update={"template_id": template_id})
    made = await api.client.call("POST", "/api/workers", body=body, response=WorkerView)
    return f"worker {made.spec.name} created"


async def _definition(api: Api, manifest: DefinitionManifest, folder: Path, *, revise: bool) -> str:
    manifest.body("checked-before-the-upload")
    package = folder / manifest.package
    artifact = await api.client.upload(
        "/api/artifacts",
        filename=f"{package.stem}.zip",
        content_type="application/zip",
        content=package_bytes(package),
        response=ArtifactView,
    )
    body = manifest.body(artifact.id)
    try:
        made = await api.client.call("POST", "/api/lablet-definitions", body=body, response=DefinitionView)
    except Conflict as error:
        if revise and error.code == "VersionTaken":
            return f"definition {body.name} {body.semantic_version} unchanged: versions never change, raise the version"
        raise
    return f"definition {made.spec.name} {made.spec.semantic_version} created"
