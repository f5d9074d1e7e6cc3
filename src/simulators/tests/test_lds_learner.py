"""The learner's page: what it shows in each state, what its buttons do, who is let in, and what the platform hears."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from event_world import unique_id
from lds_world import ENDED, PAUSED, ROUTER, STARTED, Lds, Page, delivery_system

from lcm_simulators.common.database import Database
from lcm_simulators.lds.launch import LaunchLinks


@pytest.fixture(scope="module")
def lds(tmp_path_factory: pytest.TempPathFactory, moto_endpoint: str) -> Iterator[Lds]:
    """One delivery system for the tests that leave its process alone."""
    with delivery_system(tmp_path_factory.mktemp("lds"), moto_endpoint, LCM_LDS_REGION="eu-west-1") as running:
        yield running


def test_a_learner_starts_pauses_resumes_and_hands_in_and_the_platform_hears_each_step(lds: Lds) -> None:
    session = lds.ready()
    page = lds.page(session["id"])
    assert (page.state, page.buttons) == ("PRELAUNCH", ["start"])
    page = page.press("start")
    assert (page.state, page.buttons) == ("RUNNING", ["pause", "finish"])
    page = page.press("pause")
    assert (page.state, page.buttons) == ("PAUSED", ["start", "finish"])
    page = page.press("start").press("finish")
    assert (page.state, page.buttons) == ("USER_FINISHED", [])
    events = lds.receiver.wait(session["auth_id"], STARTED, PAUSED, STARTED, ENDED)
    assert [event["data"]["reason"] for event in events] == [
        "learner_started",
        "learner_paused",
        "learner_resumed",
        "learner_finished",
    ]
    for event in events:
        assert event["source"] == "/lds/eu-west-1"
        assert event["data"]["auth_id"] == event["subject"] == session["auth_id"]
        assert (event["data"]["session_id"], event["data"]["part"]) == (session["id"], 1)
    seen = lds.session(session["id"])
    assert seen["started_at"] < seen["ended_at"]


def test_a_button_pressed_twice_has_one_effect(lds: Lds) -> None:
    session = lds.ready()
    page = lds.page(session["id"])
    assert [page.press("start").state, page.press("start").state] == ["RUNNING", "RUNNING"]
    running = lds.page(session["id"])
    assert [running.press("finish").state, running.press("finish").state] == ["USER_FINISHED", "USER_FINISHED"]
    lds.receiver.wait(session["auth_id"], STARTED, ENDED)


def test_a_button_of_an_old_page_says_why_it_does_nothing(lds: Lds) -> None:
    session = lds.ready()
    old = lds.page(session["id"]).press("start")
    old.press("finish")
    again = old.press("pause")
    assert (again.status, again.state) == (409, "USER_FINISHED")
    assert "pause is not possible now" in again.words
    lds.receiver.wait(session["auth_id"], STARTED, ENDED)


def test_the_page_names_devices_with_address_and_credentials_and_only_links_what_a_browser_can_open(lds: Lds) -> None:
    session = lds.ready(
        "",
        {**ROUTER, "uri": "telnet://127.20.0.3:2001"},
        {**ROUTER, "device_label": "PC", "protocol": "vnc", "port": 2002, "username": "cisco", "password": "secret-1"},
        {**ROUTER, "device_label": "WEB", "protocol": "pat", "port": 2003, "uri": "javascript:alert(1)"},
    )
    page = lds.page(session["id"])
    for words in ("R1", "127.20.0.3:2001", "PC", "vnc", "127.20.0.3:2002", "cisco", "secret-1"):
        assert words in page.words
    assert [values["href"] for tag, values in page.tags if tag == "a"] == ["telnet://127.20.0.3:2001"]
    link = lds.link(session["id"])
    lds.release(session["id"])
    assert "secret-1" not in httpx.get(link).text


def test_what_strangers_wrote_is_shown_and_never_run(lds: Lds) -> None:
    session = lds.ready(
        "", {**ROUTER, "device_label": '<img src=x onerror="alert(1)">'}, first_name="<script>alert(1)</script>"
    )
    page = lds.page(session["id"])
    assert {tag for tag, _ in page.tags} & {"script", "img"} == set()
    assert "<script>alert(1)</script>" in page.words


def test_the_page_needs_no_script_and_gives_nothing_away(lds: Lds) -> None:
    answer = httpx.get(lds.link(lds.ready()["id"]))
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "<script" not in answer.text
    style = re.search(r'rel="stylesheet" href="([^"]+)"', answer.text)
    assert style is not None
    assert httpx.get(f"{lds.server.url}{style[1]}").headers["content-type"].startswith("text/css")


def test_the_page_can_be_used_without_seeing_it(lds: Lds) -> None:
    page = lds.page(lds.ready()["id"]).press("start")
    tags = [tag for tag, _ in page.tags]
    assert ("html", {"lang": "en"}) in page.tags
    assert (tags.count("h1"), tags.count("main"), tags.count("title")) == (1, 1, 1)
    headings = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert all(deeper - level <= 1 for level, deeper in itertools.pairwise(headings))
    assert all("scope" in values for tag, values in page.tags if tag == "th")


@pytest.mark.parametrize(
    "change",
    [
        {"signature": "0" * 64},
        {"expires": "99999999999"},
        {"expires": "soon"},
        {"expires": ""},
        {"signature": "ü"},
    ],
    ids=str,
)
def test_a_changed_link_lets_nobody_in(lds: Lds, change: dict[str, str]) -> None:
    parts = urlsplit(lds.link(lds.ready()["id"]))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | change
    address = f"{parts.scheme}://{parts.netloc}{parts.path}"
    assert httpx.get(address, params=query).status_code == 403
    assert httpx.post(f"{address}/start", params=query).status_code == 403


def test_a_link_opens_its_own_session_only(lds: Lds) -> None:
    one, other = lds.ready(), lds.ready()
    link = lds.link(one["id"]).replace(one["id"], other["id"])
    assert httpx.get(link).status_code == 403


def test_links_expire_and_say_so(tmp_path: Path) -> None:
    links = LaunchLinks(Database(tmp_path / "lds.db"), "http://lds", valid_seconds=-2)
    query = {name: values[0] for name, values in parse_qs(urlsplit(links.make("s1")).query).items()}
    assert "expired" in links.problem("s1", query["expires"], query["signature"])


def test_a_link_of_a_session_that_is_gone_or_closed_still_shows_a_page(lds: Lds) -> None:
    session = lds.ready()
    link = lds.link(session["id"])
    lds.release(session["id"])
    page = Page(httpx.get(link))
    assert (page.state, page.buttons) == ("ARCHIVED", [])
    assert "closed" in page.words


def test_an_operator_can_play_the_learner_and_end_a_lab_whose_time_is_over(lds: Lds) -> None:
    session = lds.ready()
    assert lds.server.admin("POST", f"/sessions/{session['id']}/start")["state"] == "RUNNING"
    lds.server.admin("POST", f"/sessions/{session['id']}/end", {"reason": "time_over"})
    events = lds.receiver.wait(session["auth_id"], STARTED, ENDED)
    assert events[-1]["data"]["reason"] == "time_over"
    found = lds.server.admin("GET", f"/sessions?auth_id={session['auth_id']}")["items"]
    assert [one["state"] for one in found] == ["USER_FINISHED"]


def test_a_lab_can_not_be_started_before_its_devices_are_known(lds: Lds) -> None:
    session = lds.create(unique_id())
    answer = httpx.post(f"{lds.server.url}/admin/sessions/{session['id']}/start")
    assert (answer.status_code, answer.json()["error"]) == (409, "wrong_state")
