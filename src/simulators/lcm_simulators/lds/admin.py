"""What tests and demos may do beside the API: look at every session, be the learner, end a lab."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lcm_simulators.common.rest import Refusal
from lcm_simulators.lds.model import LearnerAction
from lcm_simulators.lds.service import DeliveryService


class _End(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="time_over", min_length=1, max_length=200)


def admin_session_routes(service: DeliveryService) -> list[BaseRoute]:
    """``/admin/sessions``."""

    async def read_sessions(request: Request) -> Response:
        state = request.query_params.get("state", "")
        found = [session.view() for session in service.find(request.query_params.get("auth_id", ""))]
        return JSONResponse({"items": [session for session in found if state in ("", session["state"])]})

    async def play_learner(request: Request) -> Response:
        session_id, action = request.path_params["session_id"], request.path_params["action"]
        if action == "end":
            try:
                body = _End.model_validate_json(await request.body() or b"{}")
            except ValidationError as error:
                return JSONResponse({"detail": str(error)}, status_code=422)
            return JSONResponse(service.end(session_id, body.reason).view())
        if action not in set(LearnerAction):
            raise Refusal(404, "not_found", f"An action is one of {', '.join(LearnerAction)}, end.")
        return JSONResponse(service.press(session_id, LearnerAction(action)).view())

    return [
        Route("/admin/sessions", read_sessions, methods=["GET"]),
        Route("/admin/sessions/{session_id}/{action}", play_learner, methods=["POST"]),
    ]
