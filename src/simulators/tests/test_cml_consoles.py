"""Ports that node tags ask for really listen: consoles over TCP, UDP, screens, and the console WebSocket."""

import socket
import ssl
from collections.abc import Iterator

import pytest
from cml_world import Cml, cml_process, topology
from web_sockets import web_socket
from websockets.exceptions import InvalidStatus

from lcm_simulators.embedded.process import free_port

ADDRESS = "127.0.73.1"
CONFIGURATION = "hostname edge\ninterface GigabitEthernet0/0\n ip address 10.1.1.1 255.255.255.0\n no shutdown\n"
LOW, HIGH = 2000, 7999


@pytest.fixture(scope="module")
def cml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cml]:
    with cml_process(tmp_path_factory.mktemp("cml")) as process:
        yield process.controller("consoles", address=ADDRESS, port=free_port(ADDRESS))


@pytest.fixture
def router(cml: Cml) -> Iterator[str]:
    """A lab with one router; stopped, wiped and removed at the end."""
    lab = cml.load(topology({"edge": "iosv"}, edge={"configuration": CONFIGURATION}))
    yield lab
    cml.call("PUT", f"labs/{lab}/stop")
    cml.call("PUT", f"labs/{lab}/wipe")
    cml.call("DELETE", f"labs/{lab}")


def tag(cml: Cml, lab: str, *tags: str) -> None:
    cml.call("PATCH", f"labs/{lab}/nodes/{cml.node(lab, 'edge')['id']}", json={"tags": list(tags)})


def listens(port: int) -> bool:
    try:
        with socket.create_connection((ADDRESS, port), 2):
            return True
    except OSError:
        return False


class Line:
    """Somebody at a console port."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((ADDRESS, port), 5)
        self._socket.settimeout(5)

    def read_until(self, text: str) -> str:
        shown = ""
        while text not in shown:
            data = self._socket.recv(4096)
            assert data, f"closed after {shown!r}"
            shown += data.decode(errors="ignore")  # without the telnet commands
        return shown

    def type(self, command: str, prompt: str) -> str:
        self._socket.sendall(f"{command}\r\n".encode())
        return self.read_until(prompt)

    def closed(self) -> bool:
        while self._socket.recv(4096):
            continue
        return True


def test_a_serial_port_is_a_console_on_which_a_person_can_configure(cml: Cml, router: str) -> None:
    tag(cml, router, "serial:3101")
    assert not listens(3101)
    cml.boot(router)
    cml.wait(lambda: listens(3101), "the port")

    line = Line(3101)
    line.read_until("edge>")
    assert "GigabitEthernet0/0" in line.type("show ip interface brief", "edge>")
    line.type("enable", "edge#")
    line.type("configure terminal", "edge(config)#")
    line.type("hostname core", "core(config)#")
    line.type("end", "core#")

    assert "hostname core" in cml.running(router, "edge")
    assert "show ip interface brief" in cml.get(f"labs/{router}/nodes/{cml.node(router, 'edge')['id']}/consoles/0/log")


def test_a_stopped_node_has_no_ports_and_its_connections_end(cml: Cml, router: str) -> None:
    tag(cml, router, "serial:3102")
    cml.boot(router)
    cml.wait(lambda: listens(3102), "the port")
    line = Line(3102)
    line.read_until("edge>")

    cml.call("PUT", f"labs/{router}/stop")

    assert line.closed()
    cml.wait(lambda: not listens(3102), "the port to close")


def test_one_number_serves_tcp_and_udp(cml: Cml, router: str) -> None:
    tag(cml, router, "pat:tcp:3103:22", "pat:udp:3103:161")
    cml.boot(router)
    cml.wait(lambda: listens(3103), "the port")
    Line(3103).read_until("edge>")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(5)
        datagrams.sendto(b"hello", (ADDRESS, 3103))
        assert datagrams.recv(100) == b"hello"


def test_a_forwarded_port_without_a_protocol_is_tcp(cml: Cml, router: str) -> None:
    tag(cml, router, "pat:3104:23")
    cml.boot(router)
    cml.wait(lambda: listens(3104), "the port")
    Line(3104).read_until("edge>")


def test_a_screen_port_speaks_the_framebuffer_protocol(cml: Cml, router: str) -> None:
    tag(cml, router, "vnc:3105")
    cml.boot(router)
    cml.wait(lambda: listens(3105), "the port")
    Line(3105).read_until("RFB 003.008")


def test_ports_outside_of_the_range_and_other_tags_open_nothing(cml: Cml, router: str) -> None:
    tag(cml, router, "serial:1999", "serial:8000", "VLAN10", "serial:abc", "serial:3106")
    cml.boot(router)
    cml.wait(lambda: listens(3106), "the port that is allowed")
    assert not listens(LOW - 1)
    assert not listens(HIGH + 1)


def test_a_tag_that_comes_and_goes_opens_and_closes_its_port(cml: Cml, router: str) -> None:
    cml.boot(router)
    tag(cml, router, "serial:3107")
    cml.wait(lambda: listens(3107), "the port")
    tag(cml, router)
    cml.wait(lambda: not listens(3107), "the port to close")


def test_the_second_of_two_nodes_with_one_port_does_not_get_it(cml: Cml) -> None:
    more = {"one": {"tags": ["serial:3108"], "configuration": "hostname one\n"},
            "two": {"tags": ["serial:3108"], "configuration": "hostname two\n"}}  # fmt: skip
    lab = cml.load(topology({"one": "iosv", "two": "iosv"}, **more))
    cml.boot(lab)
    cml.wait(lambda: listens(3108), "the port")
    Line(3108).read_until("one>")
    cml.call("PUT", f"labs/{lab}/stop")


def test_a_powered_off_controller_has_no_ports(cml: Cml, router: str) -> None:
    tag(cml, router, "serial:3109")
    cml.boot(router)
    cml.wait(lambda: listens(3109), "the port")
    port = int(cml.url.rsplit(":", 1)[1])
    cml.process.manage("POST", f"/controllers/{cml.instance_id}/off")
    cml.wait(lambda: not listens(3109), "the port to close")
    cml.process.power_on(cml.instance_id, address=ADDRESS, port=port)
    assert cml.states(router) == {"edge": "STOPPED"}


def test_the_console_websocket_of_a_key_is_the_same_device(cml: Cml, router: str) -> None:
    cml.boot(router)
    key = cml.get(f"labs/{router}/nodes/{cml.node(router, 'edge')['id']}/keys/console")
    context = ssl.create_default_context(cafile=str(cml.process.authority))
    base = f"wss{cml.url.removeprefix('https')}/ws/dispatch/frontend/console"
    with web_socket(f"{base}?uuid={key}", context) as console:
        assert b"edge>" in _bytes(console.recv(5))
        console.send(b"show version\r")
        shown = b""
        while b"uptime is" not in shown:
            shown += _bytes(console.recv(5))
    with pytest.raises(InvalidStatus), web_socket(f"{base}?uuid=no-such-key", context) as console:
        console.recv(5)


def _bytes(message: str | bytes) -> bytes:
    return message.encode() if isinstance(message, str) else message
