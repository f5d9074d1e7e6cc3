"""The learner's page: what to do, with which devices, and the buttons. Plain forms, no script."""

from collections.abc import Sequence
from html import escape

from starlette.responses import HTMLResponse

from lcm_simulators.common.web import page
from lcm_simulators.lds.content import LabContent, Task
from lcm_simulators.lds.markdown import begins_with_heading, render
from lcm_simulators.lds.model import DeliverySession, Device, LdsState, LearnerAction, Part
from lcm_simulators.lds.moves import actions_in

_WORDS = {
    LdsState.EMPTY: "nothing to deliver",
    LdsState.PENDING: "being prepared",
    LdsState.PRELAUNCH: "ready to start",
    LdsState.RUNNING: "running",
    LdsState.PAUSED: "paused",
    LdsState.USER_FINISHED: "handed in",
    LdsState.ARCHIVED: "closed",
}
_ADVICE = {
    LdsState.PENDING: "Your lab is being prepared. Load this page again in a moment.",
    LdsState.PRELAUNCH: "Your devices are ready. Your time begins when you start.",
    LdsState.RUNNING: "Work on the tasks below. Hand in when you are done.",
    LdsState.PAUSED: "The lab waits for you. Your time goes on.",
    LdsState.USER_FINISHED: "You have handed in. There is nothing more to do here.",
    LdsState.ARCHIVED: "This lab is closed.",
}
_GOOD, _OVER = frozenset({LdsState.RUNNING}), frozenset({LdsState.USER_FINISHED, LdsState.ARCHIVED})
# What a browser can hand to a program of the learner's.
_LINKED = ("ssh://", "telnet://", "vnc://", "rdp://", "https://", "http://")


def learner_page(
    session: DeliverySession, contents: Sequence[LabContent], query: str, problem: str = "", status: int = 200
) -> HTMLResponse:
    """The page of a session; ``query`` is the signed part of the link, which the forms carry on."""
    names = [content.title or part.form_qualified_name for part, content in zip(session.parts, contents, strict=True)]
    title = names[0] if names else "Lab"
    mark = "good" if session.state in _GOOD else "soft" if session.state in _OVER else ""
    heading = (
        f'<div><h1>{escape(title)}</h1><span class="soft">{escape(session.learner)}</span></div>'
        f'<span class="badge {mark}" data-state="{session.state}">{_WORDS[session.state]}</span>'
    )
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    parts = "".join(
        _part(part, content, name if len(names) > 1 else "", over=session.state in _OVER)
        for part, content, name in zip(session.parts, contents, names, strict=True)
    )
    return page(title, heading, alert + _controls(session, query) + parts, status)


def _controls(session: DeliverySession, query: str) -> str:
    buttons = "".join(_button(session, action, query) for action in actions_in(session.state))
    return (
        f'<section aria-label="Your lab"><p>{_ADVICE.get(session.state, "")}</p>'
        f'<div class="actions">{buttons}</div></section>'
    )


def _button(session: DeliverySession, action: LearnerAction, query: str) -> str:
    match action:
        case LearnerAction.START:
            label = "Resume" if session.state is LdsState.PAUSED else "Start the lab"
            return _form(session, action, query, label, "primary")
        case LearnerAction.PAUSE:
            return _form(session, action, query, "Pause", "")
        case LearnerAction.FINISH:
            form = _form(session, action, query, "Yes, hand in now", "final")
            return (
                "<details><summary>Finish and hand in</summary>"
                f"<p>You cannot go back to the lab after this.</p>{form}</details>"
            )


def _form(session: DeliverySession, action: LearnerAction, query: str, label: str, style: str) -> str:
    return (
        f'<form method="post" action="/lab/{escape(session.id)}/{action}?{escape(query)}">'
        f'<button type="submit" class="{style}" name="action" value="{action}">{label}</button></form>'
    )


def _part(part: Part, content: LabContent, name: str, *, over: bool) -> str:
    """Devices and tasks of one part; its name where there are several."""
    heading = f"{escape(name)}: d" if name else "D"
    devices = (
        "" if over else f"<section><h2>{heading}evices</h2>{_device_table(part.devices, content.categories)}</section>"
    )
    tasks = "".join(_task(task) for task in content.tasks) or '<p class="soft">This lab brings no task texts.</p>'
    heading = f"{escape(name)}: t" if name else "T"
    return f"{devices}<section><h2>{heading}asks</h2>{tasks}</section>"


def _task(task: Task) -> str:
    title = "" if begins_with_heading(task.text) else f"<h3>{escape(task.name)}</h3>"
    return f'<article class="task">{title}{render(task.text)}</article>'


def _device_table(devices: Sequence[Device], categories: dict[str, str]) -> str:
    if not devices:
        return '<p class="soft">No device of this lab can be reached.</p>'
    columns = {"Device": True, "Kind": bool(categories), "Protocol": True, "Address": True}
    columns |= {"User": any(device.username for device in devices)}
    columns |= {"Password": any(device.password for device in devices)}
    shown = [name for name, wanted in columns.items() if wanted]
    head = "".join(f'<th scope="col">{name}</th>' for name in shown)
    rows = "".join(_device_row(device, categories.get(device.device_label, ""), shown) for device in devices)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Devices"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _device_row(device: Device, category: str, shown: Sequence[str]) -> str:
    address = f"<code>{escape(device.host)}:{device.port}</code>"
    if device.uri.startswith(_LINKED):
        address = f'<a href="{escape(device.uri)}">{address}</a>'
    cells = {
        "Device": f'<th scope="row">{escape(device.device_label)}</th>',
        "Kind": f"<td>{escape(category)}</td>",
        "Protocol": f"<td>{device.protocol}</td>",
        "Address": f"<td>{address}</td>",
        "User": f"<td>{_code(device.username)}</td>",
        "Password": f"<td>{_code(device.password)}</td>",
    }
    return f"<tr>{''.join(cells[name] for name in shown)}</tr>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>" if text else ""
