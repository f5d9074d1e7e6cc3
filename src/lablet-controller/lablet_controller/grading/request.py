"""What the grading engine is asked, and what its report becomes."""

from lablet_controller.pipeline.model import StepContext
from lablet_controller.steps.delivery import device_access
from lcm_core.contracts.sessions import CheckResult, GradingSessionView, PutScoreReport, ScoreSection
from lcm_core.spi.grading import EngineReport, GradedDevice, GradingRequest


def grading_request(context: StepContext, evidence: GradingSessionView, attempt: int) -> GradingRequest:
    """The job of one attempt; the same attempt always has the same key."""
    definitions = {device.label: device.node_definition for device in context.content.devices}
    devices = [
        GradedDevice(each.label, definitions.get(each.label, ""), each.host, each.port, each.protocol)
        for each in (device_access(context) if context.target else [])
    ]
    return GradingRequest(
        idempotency_key=f"{context.session.id}-{attempt}",
        session_id=context.session.id,
        devices=devices,
        bucket=evidence.evidence_bucket,
        manifest_key=evidence.manifest_key,
        evidence_keys=[file.key for file in evidence.evidence],
        rubric_bucket=context.content.package_bucket,
        rubric_key=context.content.rubric_key,
    )


def score_report(engine_id: str, report: EngineReport) -> PutScoreReport:
    """The engine's report in the platform's words."""
    return PutScoreReport(
        engine_id=engine_id,
        score=report.score,
        max_score=report.max_score,
        cut_score=report.cut_score,
        passed=report.passed,
        sections=[
            ScoreSection(
                name=section.name,
                score=section.score,
                max_score=section.max_score,
                passed=section.passed,
                checks=[
                    CheckResult(id=check.id, passed=check.passed, message=check.message[:2000])
                    for check in section.checks
                ],
            )
            for section in report.sections
        ],
        report_url=report.report_url,
    )
