"""Questions about lab records."""

import re
from dataclasses import dataclass

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseQuery, Reader
from control_plane_api.application.errors import ConflictError
from control_plane_api.application.listing import LAB_RECORDS, ListRequest
from lcm_core.contracts.common import Page
from lcm_core.contracts.workers import LabRecordView


@dataclass(frozen=True, slots=True)
class GetLabRecordQuery(BaseQuery[LabRecordView]):
    """One lab record."""

    record_id: str


class GetLabRecordReader(Reader[GetLabRecordQuery, LabRecordView]):
    """The present state."""

    async def handle_async(self, request: GetLabRecordQuery) -> LabRecordView:
        """The lab record. Raises ``NotFoundError``."""
        require(request.principal, Action.LAB_READ)
        return (await self._deps.lab_records.get(request.record_id)).view(LabRecordView)


@dataclass(frozen=True, slots=True)
class ListLabRecordsQuery(BaseQuery[Page[LabRecordView]]):
    """A page of lab records."""

    page: ListRequest


class ListLabRecordsReader(Reader[ListLabRecordsQuery, Page[LabRecordView]]):
    """Only those the caller may see."""

    async def handle_async(self, request: ListLabRecordsQuery) -> Page[LabRecordView]:
        """The page."""
        query = LAB_RECORDS.query(request.page, request.principal, Action.LAB_READ)
        found = await self._deps.lab_records.list(query)
        items = [record.view(LabRecordView) for record in found.items]
        return Page[LabRecordView].model_construct(items=items, next_cursor=found.next_cursor, total=found.total)


@dataclass(frozen=True, slots=True)
class LabExport:
    """An exported topology."""

    filename: str
    content: bytes


@dataclass(frozen=True, slots=True)
class LabExportQuery(BaseQuery[LabExport]):
    """The last export of a lab."""

    record_id: str


class LabExportReader(Reader[LabExportQuery, LabExport]):
    """From the artifact store, which keeps an export for an hour."""

    async def handle_async(self, request: LabExportQuery) -> LabExport:
        """The topology. Raises ``NotFoundError`` and, when there is no export (any more), ``ConflictError``."""
        require(request.principal, Action.LAB_OPERATE)
        record = await self._deps.lab_records.get(request.record_id)
        artifact_id = record.status.export_artifact_id
        content = await self._deps.artifacts.content(artifact_id) if artifact_id else None
        if content is None:
            detail = f"There is no export of {record.spec.title or record.key}; ask for one, it is kept for an hour."
            raise ConflictError("NotExported", detail)
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", record.spec.title).strip("-.") or "lab"
        return LabExport(f"{name[:80]}.yaml", content)
