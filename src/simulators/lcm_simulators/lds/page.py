"""The learner's page: plain forms, no script."""

from html import escape

from lcm_simulators.lds.model import DeliverySession, Device, LdsState

_STYLE = """
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; flex-wrap: wrap; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #8886; }
form { display: inline; }
button { font: inherit; padding: .5rem 1.2rem; margin-right: .5rem; border-radius: .4rem; border: 1px solid #8888; }
button.primary { background: #0b5ed7; color: #fff; border-color: #0b5ed7; }
button.danger { background: #b02a37; color: #fff; border-color: #b02a37; }
.state { padding: .15rem .6rem; border-radius: 1rem; border: 1px solid #8888; }
"""
_WORDS = {
    LdsState.PENDING: "being prepared",
    LdsState.PRELAUNCH: "ready to start",
    LdsState.RUNNING: "running",
    LdsState.PAUSED: "paused",
    LdsState.USER_FINISHED: "handed in",
    LdsState.ARCHIVED: "closed",
}
_BUTTONS: dict[LdsState, tuple[tuple[str, str, str], ...]] = {
    LdsState.PRELAUNCH: (("start", "Start the lab", "primary"),),
    LdsState.RUNNING: (("pause", "Pause", ""), ("finish", "Finish and hand in", "danger")),
    LdsState.PAUSED: (("start", "Go on", "primary"), ("finish", "Finish and hand in", "danger")),
}


def learner_page(session: DeliverySession, query: str, error: str = "") -> str:
    """The page of a session; ``query`` is the signed part of the link, which the forms carry on."""
    devices = [device for part in session.parts for device in part.devices]
    buttons = "".join(
        f'<form method="post" action="/lab/{escape(session.id)}/{action}?{escape(query)}">'
        f'<button class="{style}" name="action" value="{action}">{label}</button></form>'
        for action, label, style in _BUTTONS.get(session.state, ())
    )
    title = escape(session.parts[0].form_qualified_name)
    name = escape(f"{session.first_name} {session.last_name}".strip() or session.candidate_id)
    problem = f'<p role="alert">{escape(error)}</p>' if error else ""
    state = _WORDS.get(session.state, session.state)
    table = _device_table(devices) if session.state is not LdsState.ARCHIVED else "<p>The lab is closed.</p>"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{_STYLE}</style></head>
<body><header><h1>{title}</h1>
<span class="state" data-state="{session.state}">{state}</span></header>
<main><p>{name}</p>{problem}<p>{buttons}</p><h2>Devices</h2>{table}</main></body></html>"""


def _device_table(devices: list[Device]) -> str:
    if not devices:
        return "<p>No devices.</p>"
    rows = "".join(
        f"<tr><th scope='row'>{escape(device.device_label)}</th><td>{escape(device.protocol)}</td>"
        f"<td><code>{escape(device.uri or f'{device.host}:{device.port}')}</code></td></tr>"
        for device in devices
    )
    head = "<tr><th scope='col'>Device</th><th scope='col'>Protocol</th><th scope='col'>Address</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
