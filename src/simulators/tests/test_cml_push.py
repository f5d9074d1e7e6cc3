"""The event stream `/ws/ui`: what a client is told, and who is told nothing."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cml_world import Cml, cml_process, topology
from web_sockets import Socket, web_socket
from websockets.exceptions import ConnectionClosed

WAIT_SECONDS = 10.0
Frame = dict[str, Any]


@pytest.fixture(scope="module")
def cml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cml]:
    with cml_process(tmp_path_factory.mktemp("cml")) as process:
        yield process.controller("push")


@contextmanager
def stream(cml: Cml, token: str) -> Iterator[Socket]:
    context = ssl.create_default_context(cafile=str(cml.process.authority))
    with web_socket(f"wss{cml.url.removeprefix('https')}/ws/ui", context) as socket:
        socket.send(json.dumps({"token": token, "client_uuid": "11111111-1111-4111-8111-111111111111"}))
        yield socket


def token_of(cml: Cml) -> str:
    return str(cml.http.headers["Authorization"].removeprefix("Bearer "))


def frames_until(socket: Socket, wanted: Callable[[Frame], bool]) -> list[Frame]:
    """Frames up to the wanted one."""
    frames: list[Frame] = []
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        frames.append(json.loads(socket.recv(WAIT_SECONDS)))
        if wanted(frames[-1]):
            return frames
    raise AssertionError(f"not told in time; last: {frames[-3:]}")


def connected(cml: Cml, socket: Socket) -> None:
    """A stream is connected once it tells of a lab; labs are made until it does."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        made = cml.call("POST", "labs", json={"title": "marker"}).json()["id"]
        try:
            socket.recv(0.1)
        except TimeoutError:
            continue
        finally:
            cml.call("DELETE", f"labs/{made}")
        return
    raise AssertionError("the stream tells nothing")


def test_the_life_of_a_lab_is_told(cml: Cml) -> None:
    with stream(cml, token_of(cml)) as socket:
        connected(cml, socket)
        lab = cml.load(topology({"r1": "iosv"}))
        node = cml.node(lab, "r1")["id"]
        cml.boot(lab)
        told = frames_until(socket, lambda frame: frame.get("event") == "BOOTED" and frame["element_id"] == node)
        states = [
            frame["event"] for frame in told if frame["event_type"] == "state_change" and frame["element_id"] == node
        ]
        assert states == ["QUEUED", "STARTED", "BOOTED"]
        assert any(frame["event_type"] == "lab_event" and frame["event"] == "created" for frame in told)
        assert any(frame["event"] == "state" and frame["data"] == {"state": "STARTED"} for frame in told)

        cml.call("PATCH", f"labs/{lab}", json={"title": "Renamed"})
        told = frames_until(socket, lambda frame: frame.get("event") == "modified" and frame.get("lab_id") == lab)
        assert told[-1]["data"]["title"] == "Renamed"
        cml.call("PUT", f"labs/{lab}/stop")
        cml.call("PUT", f"labs/{lab}/wipe")
        cml.call("DELETE", f"labs/{lab}")
        frames_until(socket, lambda frame: frame.get("event") == "deleted" and frame.get("element_id") == lab)


def test_a_filter_leaves_the_events_of_other_labs_out(cml: Cml) -> None:
    wanted, other = cml.load(topology({"a": "iosv"})), cml.load(topology({"b": "iosv"}))
    with stream(cml, token_of(cml)) as socket:
        connected(cml, socket)
        socket.send(json.dumps({"lab_filter": wanted}))
        deadline = time.monotonic() + WAIT_SECONDS
        heard = {""}
        while other in heard or heard == {""}:
            assert time.monotonic() < deadline, "the filter does not work"
            for lab in (other, wanted):
                cml.call("PATCH", f"labs/{lab}", json={"notes": str(time.monotonic())})
            heard = {frame["lab_id"] for frame in frames_until(socket, lambda frame: frame.get("lab_id") == wanted)}


def test_a_stranger_is_not_told_of_a_lab(cml: Cml) -> None:
    cml.call("POST", "users", json={"username": "stranger", "password": "secret-1"})
    token = cml.call("POST", "authenticate", json={"username": "stranger", "password": "secret-1"}).json()
    hidden = cml.load(topology({"r1": "iosv"}))
    with stream(cml, token) as socket:
        mine = {"Authorization": f"Bearer {token}"}
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            assert time.monotonic() < deadline
            cml.call("PATCH", f"labs/{hidden}", json={"notes": str(time.monotonic())})
            own = cml.call("POST", "labs", json={"title": "own"}, headers=mine).json()["id"]
            try:
                first = json.loads(socket.recv(0.2))
            except TimeoutError:
                continue
            assert first["lab_id"] == own
            return


def test_a_wrong_token_ends_the_stream(cml: Cml) -> None:
    with stream(cml, "not.a.token") as socket, pytest.raises(ConnectionClosed) as ended:
        socket.recv(WAIT_SECONDS)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 1008


def test_the_stream_ends_when_the_controller_is_powered_off(cml: Cml) -> None:
    view = cml.process.power_on("short-lived")
    short = Cml(cml.process, "short-lived", f"https://127.0.0.1:{view['port']}")
    short.sign_in()
    with stream(short, token_of(short)) as socket:
        connected(short, socket)
        cml.process.manage("POST", "/controllers/short-lived/off")
        with pytest.raises(ConnectionClosed):
            frames_until(socket, lambda _: False)
