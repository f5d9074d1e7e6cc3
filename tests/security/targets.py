"""What is fuzzed: each target reads one kind of input and knows the only ways in which it may refuse.

A target raises nothing for input that is refused as documented. Everything else that it raises is a defect.
"""

import contextlib
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

import orjson
import yaml
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from control_plane_api.api.addresses import TrustedProxies
from control_plane_api.settings import Settings
from lablet_controller.content.devices import parse_devices
from lablet_controller.content.package import derive, read_package
from lablet_controller.events.parse import MalformedEvent, UnsupportedMedia, parse_events
from lablet_controller.settings import LabletSettings
from lcm_core.container import SecretFileError, secrets_from_files
from lcm_core.content.errors import ContentRefused
from lcm_core.content.rubric import parse_rubric, rubric_yaml
from lcm_core.contracts.definitions import DerivedContent
from lcm_core.contracts.sessions import InboundEventBatch, ReserveSession
from lcm_core.etcd import MalformedValue, decode_state
from lcm_core.placement.versions import VersionRange
from lcm_core.security.envelope import Envelope
from lcm_core.topology import parse_topology, rewrite_topology
from lcm_core.topology.ports import node_ports, parse_port_tag
from tests.security import seeds
from tests.security.intake import ANSWERS, send
from tests.security.strategies import NASTY_TEXT, archives, as_json, event_requests, mutated, replaced, text_files

TOPOLOGY_TREE = yaml.safe_load(seeds.TOPOLOGY)
RUBRIC_TREE = yaml.safe_load(seeds.RUBRIC)
TREES = {"cml.yaml": TOPOLOGY_TREE, "rubric.yaml": RUBRIC_TREE, "mosaic_meta.json": orjson.loads(seeds.META)}
STATE = {
    "v": "000000000012",
    "generation": 1,
    "phase": "ready",
    "next_at": "2031-05-06T09:00:00Z",
    "refs": {"worker": "w"},
}
RESERVATION = {
    "definition_id": "d",
    "slot": {"start": "2031-05-06T09:00:00Z", "end": "2031-05-06T10:00:00+02:00"},
    "priority": 1,
}
SETTINGS = (
    "APP_PORT", "LCM_REQUEST_SECONDS", "LCM_ETCD_ENDPOINTS", "MONGODB_URI", "LCM_PUBLIC_URL", "JWT_EXPIRATION_HOURS",
    "LCM_ENVELOPE_KEY", "LCM_CLOCK_FILE", "LCM_LOG_LEVEL", "LCM_DEADLINE_GRADING_MINUTES", "LCM_TRUSTED_PROXIES",
)  # fmt: skip

CPU_SECONDS = 5.0


@dataclass(frozen=True)
class Target:
    """One parser with everything that follows from what it accepted."""

    name: str
    inputs: st.SearchStrategy[Any]
    read: Callable[[Any], None]

    def walk(self, examples: int, seed_number: int | None = None) -> None:
        """Read so many inputs; the same ones each time, unless a seed is given. Raises what a target must not raise."""

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=seed_number is None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(self.inputs)
        def step(given_input: object) -> None:
            with within_cpu_seconds(CPU_SECONDS):
                self.read(given_input)

        (step if seed_number is None else seed(seed_number)(step))()


class TooSlow(Exception):
    """Reading one input took more processor time than any input may take."""


@contextlib.contextmanager
def within_cpu_seconds(limit: float) -> Iterator[None]:
    """Ends what takes longer; processor time, so that a busy machine is no failure."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"more than {limit:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _topology(content: bytes) -> None:
    try:
        topology = parse_topology(content)
        ports = {port.slot.name: 2000 + index for index, port in enumerate(node_ports(topology))}
        text = rewrite_topology(topology, ports, "s1")
    except ContentRefused as refused:
        _check_refusal(refused)
        return
    parse_topology(text.encode())


def _package(content: bytes) -> None:
    try:
        package = read_package(content)
    except ContentRefused as refused:
        _check_refusal(refused)
        return
    sent = derive(package, "bucket", "key", "").model_dump_json()
    DerivedContent.model_validate_json(sent)


def _check_refusal(refused: ContentRefused) -> None:
    """A refusal can be sent and names what is wrong."""
    for error in refused.errors:
        assert error.message
        error.model_dump_json()


def _check_words(refused: ValueError) -> None:
    """Whoever reads the refusal learns something."""
    assert str(refused)


def _rubric(content: bytes) -> None:
    try:
        rubric = parse_rubric(content)
    except ContentRefused as refused:
        _check_refusal(refused)
        return
    assert parse_rubric(rubric_yaml(rubric).encode()) == rubric


def _devices(content: bytes) -> None:
    try:
        parse_devices(content)
    except ContentRefused as refused:
        _check_refusal(refused)


def _events(request: tuple[dict[str, str], bytes]) -> None:
    try:
        events = parse_events(*request)
    except (MalformedEvent, UnsupportedMedia) as refused:
        _check_words(refused)
        return
    if events:
        InboundEventBatch.model_validate_json(InboundEventBatch(items=list(events)).model_dump_json())


def _intake(request: tuple[dict[str, str], bytes]) -> None:
    """An answer for everything, and nothing is stored of what was not accepted."""
    status, stored = send(*request)
    assert status in ANSWERS, status
    assert not stored or status == 202, status


def _reservation(content: bytes) -> None:
    try:
        ReserveSession.model_validate_json(content)
    except ValidationError:
        return


def _projected(content: bytes) -> None:
    try:
        decode_state(content)
    except MalformedValue:
        return


def _settings(changes: dict[str, str]) -> None:
    with mock.patch.dict("os.environ", changes):
        try:
            read = Settings()
            read.secrets.envelope()
            read.clock.domain_clock()
            TrustedProxies.parse(read.app.trusted_proxies)
            LabletSettings()
        except ValueError as refused:
            _check_words(refused)


def _secret_file(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "secret"
        path.write_bytes(content)
        try:
            secrets_from_files({"JWT_SECRET_KEY_FILE": str(path)})
        except SecretFileError:
            return


def _words(text: str) -> None:
    for parse in (VersionRange.parse, parse_port_tag, Envelope.parse, TrustedProxies.parse):
        try:
            parse(text)
        except ValueError as refused:
            _check_words(refused)


_PRINTABLE = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=30)
_ENVIRONMENT = st.dictionaries(st.sampled_from(SETTINGS), _PRINTABLE, min_size=1, max_size=3)
TARGETS = (
    Target("topology", text_files(seeds.TOPOLOGY, TOPOLOGY_TREE), _topology),
    Target("package", archives(TREES), _package),
    Target("rubric", text_files(seeds.RUBRIC, RUBRIC_TREE), _rubric),
    Target("devices", mutated(seeds.DEVICES.encode()), _devices),
    Target("events", event_requests(), _events),
    Target("intake", event_requests(), _intake),
    Target("reservation", replaced(RESERVATION).map(as_json), _reservation),
    Target("projected-values", st.one_of(replaced(STATE).map(as_json), mutated(as_json(STATE))), _projected),
    Target("settings", _ENVIRONMENT, _settings),
    Target("secret-files", st.binary(max_size=40), _secret_file),
    Target("words", st.one_of(NASTY_TEXT, _PRINTABLE, st.from_regex(r"(serial|pat|ssh):[\d:²$]{1,9}")), _words),
)
