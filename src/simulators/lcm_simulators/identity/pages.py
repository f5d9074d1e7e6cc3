"""The pages a person sees: plain forms that work without scripts."""

from html import escape
from urllib.parse import urlencode

from starlette.responses import HTMLResponse

from lcm_simulators.identity.realm import Realm

_STYLE = """
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
body { margin: 0; display: grid; place-items: center; min-height: 100vh; background: Canvas; color: CanvasText; }
main { width: min(22rem, 90vw); padding: 2rem; border: 1px solid color-mix(in srgb, CanvasText 25%, transparent);
  border-radius: .75rem; }
h1 { font-size: 1.25rem; margin: 0 0 1rem; }
label { display: block; margin: .75rem 0 .25rem; }
input[type=text], input[type=password] { width: 100%; box-sizing: border-box; padding: .5rem; font: inherit; }
button { margin-top: 1rem; padding: .5rem 1rem; font: inherit; width: 100%; }
.error { color: light-dark(#a30000, #ff8f8f); }
"""


def login_page(
    realm: Realm, action: str, *, username: str = "", fixed: bool = False, error: str = "", status: int = 200
) -> HTMLResponse:
    """The sign-in form; ``fixed`` when a signed-in user is asked for the password again."""
    name = escape(username, quote=True)
    if fixed:
        who = f'<p>Signed in as <strong id="kc-attempted-username">{name}</strong></p>'
    else:
        who = (
            '<label for="username">User name or e-mail</label>'
            f'<input id="username" name="username" type="text" value="{name}" autocomplete="username" autofocus>'
        )
    return _page(
        realm,
        f"Sign in to {realm.display_name or realm.realm}",
        f"""{_complaint(error)}<form id="kc-form-login" action="{escape(action, quote=True)}" method="post">{who}
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password">
<input type="hidden" name="credentialId"><button id="kc-login" name="login" type="submit">Sign in</button></form>""",
        status,
    )


def new_password_page(realm: Realm, action: str, error: str = "") -> HTMLResponse:
    """Asks for a new password twice, because the old one was good for one sign-in only."""
    return _page(
        realm,
        "Update password",
        f"""{_complaint(error)}<form id="kc-passwd-update-form" action="{escape(action, quote=True)}" method="post">
<label for="password-new">New password</label>
<input id="password-new" name="password-new" type="password" autocomplete="new-password" autofocus>
<label for="password-confirm">Confirm password</label>
<input id="password-confirm" name="password-confirm" type="password" autocomplete="new-password">
<button type="submit">Submit</button></form>""",
    )


def logout_page(realm: Realm, action: str, code: str) -> HTMLResponse:
    """Asks whether the person really wants to leave."""
    return _page(
        realm,
        "Logging out",
        f"""<p>Do you want to log out?</p><form action="{escape(action, quote=True)}" method="post">
<input type="hidden" name="session_code" value="{escape(code, quote=True)}">
<button id="kc-logout" name="confirmLogout" type="submit" value="Logout">Log out</button></form>""",
    )


def user_code_page(realm: Realm, action: str, error: str = "") -> HTMLResponse:
    """Asks for the code that a device shows."""
    return _page(
        realm,
        "Device login",
        f"""{_complaint(error)}<form id="kc-user-verify-device-user-code-form"
action="{escape(action, quote=True)}" method="post">
<label for="device-user-code">Enter the code shown on your device</label>
<input id="device-user-code" name="device_user_code" type="text" autocomplete="off" autofocus>
<button type="submit">Continue</button></form>""",
    )


def consent_page(realm: Realm, action: str, code: str, client_name: str) -> HTMLResponse:
    """Asks whether a device may act for the person."""
    return _page(
        realm,
        f"Grant access to {client_name}",
        f"""<p>Do you grant these access privileges?</p><ul><li>User roles</li><li>User profile</li>
<li>E-mail address</li></ul><form action="{escape(action, quote=True)}" method="post">
<input type="hidden" name="code" value="{escape(code, quote=True)}">
<button id="kc-login" name="accept" type="submit" value="Yes">Yes</button>
<button id="kc-cancel" name="cancel" type="submit" value="No">No</button></form>""",
    )


def message_page(realm: Realm, title: str, text: str) -> HTMLResponse:
    """Tells the person how it ended."""
    return _page(realm, title, f'<p class="instruction">{escape(text)}</p>')


def error_page(realm: Realm, text: str, status: int = 400) -> HTMLResponse:
    """Tells the person what went wrong."""
    body = f'<div id="kc-error-message"><p class="instruction">{escape(text)}</p></div>'
    return _page(realm, "We are sorry...", body, status)


def form_post_page(realm: Realm, action: str, fields: dict[str, str]) -> HTMLResponse:
    """Carries an authorization answer back by a form (OAuth 2.0 Form Post Response Mode)."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name, quote=True)}" value="{escape(value, quote=True)}">'
        for name, value in fields.items()
    )
    return _page(
        realm,
        "Signed in",
        f'<form method="post" action="{escape(action, quote=True)}">{hidden}'
        '<button type="submit">Continue</button></form>',
    )


def with_query(url: str, parameters: dict[str, str], *, separator: str = "?") -> str:
    """The address with parameters added."""
    if separator == "?" and "?" in url:
        separator = "&"
    return f"{url}{separator}{urlencode(parameters)}" if parameters else url


def _complaint(error: str) -> str:
    return f'<p class="error" id="input-error" role="alert">{escape(error)}</p>' if error else ""


def _page(realm: Realm, title: str, body: str, status: int = 200) -> HTMLResponse:
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{_STYLE}</style></head>
<body><main><h1>{escape(title)}</h1>{body}<p><small>{escape(realm.display_name)}</small></p></main></body></html>"""
    return HTMLResponse(text, status, headers={"Cache-Control": "no-store, must-revalidate, max-age=0"})
