"""Questions about lab records."""

from dataclasses import dataclass

from control_plane_api.application.authorization.policy import Action
from control_plane_api.application.authorization.require import require
from control_plane_api.application.base import BaseQuery, Reader
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
