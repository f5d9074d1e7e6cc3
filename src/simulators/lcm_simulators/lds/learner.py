"""The learner's side: the page behind a launch link and its buttons."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from lcm_simulators.common.rest import Refusal
from lcm_simulators.common.web import problem_page
from lcm_simulators.lds.launch import LaunchLinks
from lcm_simulators.lds.model import LearnerAction
from lcm_simulators.lds.page import learner_page
from lcm_simulators.lds.service import DeliveryService

NOT_OPEN = "The lab cannot be opened"


class LearnerPages:
    """Pages for whoever holds a good link."""

    def __init__(self, service: DeliveryService, links: LaunchLinks) -> None:
        self._service, self._links = service, links

    def routes(self) -> list[BaseRoute]:
        """The routes of the pages."""
        return [
            Route("/lab/{session_id}", self.show_page, methods=["GET"]),
            Route("/lab/{session_id}/{action}", self.press_button, methods=["POST"]),
        ]

    async def show_page(self, request: Request) -> Response:
        """The lab as it is."""
        return self._refusal(request) or self._page(request)

    async def press_button(self, request: Request) -> Response:
        """Do what a button says, then show the page anew, so that reloading it repeats nothing."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        session_id, action = request.path_params["session_id"], request.path_params["action"]
        if action not in set(LearnerAction):
            return problem_page(NOT_OPEN, "There is no such button.", 404)
        try:
            self._service.press(session_id, LearnerAction(action))
        except Refusal as refused:
            return self._page(request, refused.message, refused.status)
        return RedirectResponse(f"/lab/{session_id}?{request.url.query}", status_code=303)

    def _refusal(self, request: Request) -> Response | None:
        query = request.query_params
        session_id = request.path_params["session_id"]
        problem = self._links.problem(session_id, query.get("expires", ""), query.get("signature", ""))
        return problem_page(NOT_OPEN, problem, 403) if problem else None

    def _page(self, request: Request, problem: str = "", status: int = 200) -> Response:
        try:
            session = self._service.get(request.path_params["session_id"])
        except Refusal:
            return problem_page(NOT_OPEN, "The lab does not exist any more.", 404)
        return learner_page(session, self._service.contents(session), request.url.query, problem, status)
