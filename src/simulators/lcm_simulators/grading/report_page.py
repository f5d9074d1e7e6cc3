"""The score report as a page for learners and managers."""

from html import escape

from starlette.responses import HTMLResponse

from lcm_simulators.common.web import page
from lcm_simulators.grading.model import CheckReport, Job, Report, SectionReport


def report_page(job: Job, report: Report) -> HTMLResponse:
    """The page of one report; the check marks are said in words too."""
    verdict, mark = ("passed", "good") if report.passed else ("not passed", "bad")
    percent = 100 * report.score / report.max_score if report.max_score else 0.0
    title = job.title or "Score report"
    heading = f'<h1>{escape(title)}</h1><span class="badge {mark}">{verdict}</span>'
    finished = job.finished_at.strftime("%Y-%m-%d %H:%M UTC") if job.finished_at else ""
    summary = (
        f"<section><h2>{report.score:g} of {report.max_score:g} points</h2>"
        f'<meter min="0" max="100" value="{percent:.1f}" aria-label="Score in percent">{percent:.0f} %</meter>'
        f"<p>{percent:.0f} %; {report.cut_score:g} % are needed to pass.</p>"
        f'<p class="soft">Session {escape(job.request.lablet_session_id)}, graded {finished}.</p></section>'
    )
    return page(title, heading, summary + "".join(_section(section) for section in report.sections))


def _section(section: SectionReport) -> str:
    rows = "".join(_row(check) for check in section.checks)
    return (
        f"<section><h2>{escape(section.name)}: {section.score:g} of {section.max_score:g}</h2>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(section.name)}"><table>'
        '<thead><tr><th scope="col">Check</th><th scope="col">Result</th><th scope="col">Reason</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _row(check: CheckReport) -> str:
    word, mark = ("met", "good") if check.passed else ("not met", "bad")
    return (
        f'<tr><th scope="row"><code>{escape(check.id)}</code></th><td class="{mark}">{word}</td>'
        f"<td>{escape(check.message)}</td></tr>"
    )
