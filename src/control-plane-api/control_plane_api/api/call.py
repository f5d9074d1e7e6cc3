"""What an endpoint gets of its request: who calls, which version they saw, and the way to the handlers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from control_plane_api.application.authorization.principal import Principal
from control_plane_api.application.base import BaseCommand, BaseQuery
from control_plane_api.application.errors import InvalidError, UnauthenticatedError
from control_plane_api.application.mediation.mediator import SafeMediator

ResultT = TypeVar("ResultT")
_ETAG = re.compile(r'^(?:W/)?"(\d{1,12})"$')


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request of one caller."""

    request: Request
    mediator: SafeMediator
    caller: Principal | None

    @property
    def principal(self) -> Principal:
        """The caller. Raises ``UnauthenticatedError`` at a public endpoint without one."""
        if self.caller is None:
            raise UnauthenticatedError()
        return self.caller

    @property
    def expected_version(self) -> int | None:
        """The version in ``If-Match``; None without the header or for ``*``. Raises ``InvalidError``."""
        value = self.request.headers.get("if-match", "").strip()
        if value in ("", "*"):
            return None
        found = _ETAG.match(value)
        if found is None:
            raise InvalidError.field("BadIfMatch", "If-Match", 'send the ETag of the object, for example "12"')
        return int(found.group(1))

    def now(self) -> datetime:
        """The present instant of domain time."""
        now: datetime = self.request.app.state.clock.now()
        return now

    async def execute(self, request: BaseCommand[ResultT] | BaseQuery[ResultT]) -> ResultT:
        """Hand a command or query to its handler."""
        return await self.mediator.execute(request)

    def respond(
        self, model: BaseModel | None, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """The model as JSON, with the version as ETag; 304 when the caller has it already; 204 for None."""
        sent = dict(headers or {})
        if model is None:
            return Response(status_code=204, headers=sent)
        version = getattr(model, "version", None)
        if isinstance(version, int):
            sent["ETag"] = f'"{version}"'
            if self.request.method == "GET" and self.request.headers.get("if-none-match") == sent["ETag"]:
                return Response(status_code=304, headers=sent)
        return Response(model.model_dump_json(), status, sent, "application/json")


async def _call(request: Request) -> ApiCall:
    call: ApiCall = request.state.call
    return call


Call = Annotated[ApiCall, Depends(_call)]
"""Declare ``call: Call`` as a parameter of an endpoint."""
