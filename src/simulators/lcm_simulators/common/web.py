"""What people see of the simulators: pages without scripts, in one style."""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

STYLE_PATH = "/style.css"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    # The address of a page is the key to it.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_STYLE = """
:root { color-scheme: light dark; --text: #1b2733; --soft: #51606f; --back: #f4f6f8; --card: #fff; --line: #d5dbe1;
  --accent: #0b5cad; --on-accent: #fff; --good: #136c34; --bad: #a3222e; --code: #eef1f4;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; line-height: 1.5; }
@media (prefers-color-scheme: dark) { :root { --text: #e8edf2; --soft: #a9b6c2; --back: #11171d; --card: #1a222a;
  --line: #38444f; --accent: #7cb7f5; --on-accent: #08131f; --good: #6fd393; --bad: #ff9a9f; --code: #232d36; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); }
header, main, footer { max-width: 62rem; margin: 0 auto; padding: 1rem; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: center; justify-content: space-between; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 0 0 .75rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem;
  margin: 0 0 1rem; }
section > :first-child { margin-top: 0; } section > :last-child { margin-bottom: 0; }
.soft, footer { color: var(--soft); }
.badge { border: 1px solid currentcolor; border-radius: 1rem; padding: .1rem .7rem; font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); }
[role=alert] { border-left: .3rem solid var(--bad); padding: .5rem .8rem; margin: 0 0 1rem; background: var(--card); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .45rem .6rem; border-bottom: 1px solid var(--line); }
tbody tr:last-child > * { border-bottom: 0; }
code, pre { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; background: var(--code);
  border-radius: .3rem; }
code { padding: .1rem .3rem; overflow-wrap: anywhere; } pre { padding: .7rem; overflow-x: auto; }
pre code { padding: 0; } td code { white-space: nowrap; }
a { color: var(--accent); }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: .4rem 1.2rem; border-radius: .4rem;
  border: 1px solid var(--line); background: var(--card); color: var(--text); cursor: pointer; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.final { border-color: var(--bad); color: var(--bad); }
:is(a, button, summary):focus-visible { outline: .2rem solid var(--accent); outline-offset: .15rem; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; align-items: flex-start; }
summary { cursor: pointer; padding: .6rem 0; font-weight: 600; }
meter { width: 100%; height: 1.2rem; }
.task h3 { margin: 1rem 0 .4rem; } .task :is(h4, h5, h6) { margin: .8rem 0 .3rem; }
"""


def page(title: str, heading: str, body: str, status: int = 200) -> HTMLResponse:
    """A whole page; ``heading`` and ``body`` are HTML, ``title`` is text."""
    return HTMLResponse(
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="data:,">\n'
        f'<link rel="stylesheet" href="{STYLE_PATH}">\n</head>\n'
        f"<body>\n<header>{heading}</header>\n<main>{body}</main>\n</body>\n</html>\n",
        status_code=status,
        headers=_HEADERS,
    )


def problem_page(title: str, message: str, status: int) -> HTMLResponse:
    """A page that says what went wrong and nothing else."""
    return page(title, f"<h1>{escape(title)}</h1>", f'<p role="alert">{escape(message)}</p>', status)


async def _style(request: Request) -> Response:
    del request
    return Response(_STYLE, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


def style_route() -> Route:
    """The style sheet that ``page`` refers to."""
    return Route(STYLE_PATH, _style, methods=["GET"])
