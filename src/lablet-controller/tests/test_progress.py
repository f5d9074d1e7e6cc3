"""The stored progress of a build: what is told of a place that was taken away counts for nothing."""

from typing import Never

import pytest
from test_lablet_session_decisions import session

from lablet_controller.pipeline.progress import Progress, WishChanged
from lcm_core.clients.errors import ApiError, Conflict, StaleTerm
from lcm_core.clock import SystemClock
from lcm_core.contracts.sessions import PipelineState, PipelineStep, ReportSession
from lcm_core.domain.vocabulary import SessionPhase


class Refusing:
    """A control plane that takes no report."""

    def __init__(self, error: ApiError) -> None:
        self._error = error

    async def report_session(self, session_id: str, body: ReportSession) -> Never:
        """Refused."""
        del session_id, body
        raise self._error


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (Conflict("StaleBuild: the session is pending"), WishChanged),
        (StaleTerm("there is a newer leader"), StaleTerm),
    ],
)
async def test_a_build_whose_place_was_taken_away_decides_again_before_it_acts(
    answer: ApiError, raised: type[Exception]
) -> None:
    state = PipelineState(name="instantiate", steps=[PipelineStep(name="lab")])
    view = session(SessionPhase.INSTANTIATING)
    progress = Progress(view, state, Refusing(answer), SystemClock())  # type: ignore[arg-type]
    progress.begin("lab")
    with pytest.raises(raised):
        await progress.save("Step lab runs.")
