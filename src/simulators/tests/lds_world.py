"""The delivery system as its callers and its learners use it."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
from event_world import Simulator, simulator, unique_id

SESSIONS = "/reservations/v3/lab_session"
FORM = "Exam CCNP ENCOR LAB 1.0 a"
STARTED, PAUSED, ENDED = "lds.session.started.v1", "lds.session.paused.v1", "lds.session.ended.v1"
ROUTER: dict[str, Any] = {"device_label": "R1", "protocol": "serial", "host": "127.20.0.3", "port": 2001}


def reservation(auth_id: str, **changes: Any) -> dict[str, Any]:
    """The body of a reservation."""
    return {
        "origin": "lcm",
        "auth_id": auth_id,
        "auth_id_type": "lcm_session",
        "candidate_id": "user",
        "location": "us-east-1",
        "timezone_offset": 0,
        "first_name": "Ada",
        "last_name": "Lovelace",
        "rack_group": "lcm",
        "rack_number": 1,
        "scheduled_date": "2026-03-01T10:00:00+00:00",
        "session_parts": [{"repository_type": "minio", "form_qualified_name": FORM, "variables": {}}],
        **changes,
    }


def package(files: Mapping[str, str]) -> bytes:
    """A content package."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def meta(title: str) -> str:
    """The metadata of a package."""
    return json.dumps({"title": title})


class Page(HTMLParser):
    """A page as a program sees it: forms, text, tags with their attributes."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.url = str(answer.url)
        self.status = answer.status_code
        self.source = answer.text
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append((tag, values))
        if tag == "form":
            self.forms.append((values["action"], {}))
        elif tag in {"input", "button"} and self.forms and values.get("name"):
            self.forms[-1][1][values["name"]] = values.get("value", "")

    def handle_data(self, data: str) -> None:
        self.words = f"{self.words} {data.strip()}".strip()

    @property
    def state(self) -> str:
        return next((attributes["data-state"] for _, attributes in self.tags if "data-state" in attributes), "")

    @property
    def buttons(self) -> list[str]:
        """What the buttons do."""
        return [value for _, fields in self.forms for value in fields.values()]

    def press(self, button: str) -> "Page":
        """The page after a button was pressed."""
        action, fields = next(form for form in self.forms if button in form[1].values())
        return Page(httpx.post(urljoin(self.url, action), data=fields, follow_redirects=True, timeout=20))


class Lds:
    """A running delivery system."""

    def __init__(self, server: Simulator) -> None:
        self.server = server
        self.receiver = server.receiver

    def create(self, auth_id: str, **changes: Any) -> dict[str, Any]:
        """A new session."""
        made: dict[str, Any] = self.server.json("POST", SESSIONS, json=reservation(auth_id, **changes))
        return made

    def ready(self, auth_id: str = "", *devices: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """A session that can be launched."""
        session = self.create(auth_id or unique_id(), **changes)
        for part in session["session_parts"]:
            self.set_devices(session["id"], *(devices or (ROUTER,)), part=part["part"])
        return self.session(session["id"])

    def set_devices(self, session_id: str, *devices: dict[str, Any], part: int = 1) -> Any:
        return self.server.json("PUT", f"{SESSIONS}/{session_id}/part/{part}/devices", json=list(devices))

    def session(self, session_id: str) -> dict[str, Any]:
        seen: dict[str, Any] = self.server.json("GET", f"{SESSIONS}/{session_id}")
        return seen

    def link(self, session_id: str) -> str:
        return str(self.server.json("GET", f"{SESSIONS}/{session_id}/lablet_launch_url")["url"])

    def page(self, session_id: str) -> Page:
        """What the learner sees behind a fresh link."""
        return Page(httpx.get(self.link(session_id), timeout=20))

    def release(self, session_id: str) -> Any:
        return self.server.json("POST", f"{SESSIONS}/{session_id}/release", json={})


@contextmanager
def delivery_system(folder: Path, aws: str, **environment: str) -> Iterator[Lds]:
    """A delivery system of its own for a module or a test."""
    with simulator("lds", folder, aws, LCM_LDS_PASSWORD="password of lcm", **environment) as server:
        server.auth = httpx.BasicAuth("lcm", "password of lcm")
        yield Lds(server)
