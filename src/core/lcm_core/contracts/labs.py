"""Wire models of what is asked of labs, and of what came of it."""

from pydantic import Field

from lcm_core.contracts.common import RequestModel, Sentence
from lcm_core.domain.vocabulary import LabPhase


class ImportLab(RequestModel):
    """Make a lab of an uploaded topology on a worker; it belongs to nobody."""

    worker_id: str = Field(min_length=1, max_length=80)
    artifact_id: str = Field(min_length=1, max_length=80)
    title: str = Field(default="", max_length=64)


class BindLab(RequestModel):
    """Give a lab that nobody owns to a session that is placed on its worker and has no lab yet."""

    session_id: str = Field(min_length=1, max_length=80)


class LabActionResult(RequestModel):
    """Outcome of a pending lab action; ``cml_lab_id`` is the lab that an import made."""

    succeeded: bool
    message: Sentence = ""
    phase: LabPhase | None = None
    cml_lab_id: str = ""
    export_artifact_id: str = ""
