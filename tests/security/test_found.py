"""What fuzzing found, kept: each of these once ended in an exception, a long wait or a full memory."""

import copy
import io
import json
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable

import pytest

from lablet_controller.content.devices import parse_devices
from lablet_controller.content.package import ContentPackage, derive, read_package
from lablet_controller.events.parse import MalformedEvent, parse_events
from lcm_core.container import SecretFileError, secrets_from_files
from lcm_core.content.errors import ContentRefused
from lcm_core.content.rubric import parse_rubric, rubric_yaml
from lcm_core.contracts.sessions import ReserveSession
from lcm_core.topology import parse_topology, port_template, rewrite_topology
from tests.security import seeds
from tests.security.intake import BODY_LIMIT, send
from tests.security.targets import CPU_SECONDS, TOPOLOGY_TREE, within_cpu_seconds

HALF = "\ud800"
STRUCTURED = {"content-type": "application/cloudevents+json"}
MEGABYTE = 1024 * 1024


def topology(change: Callable[[dict[str, list[dict[str, object]]]], object]) -> bytes:
    """The usual topology as JSON with one change."""
    tree = copy.deepcopy(TOPOLOGY_TREE)
    change(tree)
    return json.dumps(tree).replace("Infinity", "1e999").encode()


def package(**files: bytes) -> bytes:
    """A zip with these files; ``cml`` is the topology."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("cml.yaml", files.get("cml", seeds.TOPOLOGY.encode()))
        if "meta" in files:
            archive.writestr("mosaic_meta.json", files["meta"])
    return buffer.getvalue()


def faults(content: bytes, read: Callable[[bytes], object] = read_package) -> str:
    """Why the content is refused, as it is sent."""
    with pytest.raises(ContentRefused) as refused:
        read(content)
    return " ".join(error.model_dump_json() for error in refused.value.errors)


@pytest.mark.parametrize("coordinate", [1e999, 10**400, -1e300])
def test_a_coordinate_that_cannot_be_drawn_is_as_good_as_none(coordinate: float) -> None:
    def far_away(tree: dict[str, list[dict[str, object]]]) -> None:
        tree["nodes"][0]["x"] = coordinate

    read: ContentPackage = read_package(package(cml=topology(far_away)))
    assert derive(read, "bucket", "key", "").drawing.nodes[0].x == 0.0


@pytest.mark.parametrize("place", ["title", "notes", HALF])
def test_half_a_character_is_refused_where_it_stands(place: str) -> None:
    def cut(tree: dict[str, list[dict[str, object]]]) -> None:
        tree["lab"] = {**tree["lab"], place: f"Lab {HALF}"}  # type: ignore[dict-item]

    assert "a character is cut in half" in faults(package(cml=topology(cut)))


def test_half_a_character_in_the_metadata_is_refused() -> None:
    said = faults(package(meta=json.dumps({"form": HALF}).encode()))
    assert "mosaic_meta.json" in said
    assert "form" in said


def test_a_file_without_a_name_is_refused() -> None:
    content = package().replace(struct.pack("<H", len("cml.yaml")), struct.pack("<H", 0))
    assert "package" in faults(content)


def test_a_zip_with_a_huge_directory_is_refused_before_it_is_read() -> None:
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    count = 300_000
    ending = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count & 0xFFFF, count & 0xFFFF, len(entry) * count, 0, 0)
    content = entry * count + ending
    tracemalloc.start()
    try:
        assert "more entries than" in faults(content)
        assert tracemalloc.get_traced_memory()[1] < 4 * MEGABYTE
    finally:
        tracemalloc.stop()


def test_an_encoding_that_nobody_knows_is_refused() -> None:
    assert "unknown encoding" in faults(b'<?xml version="1.0" encoding="TF-8"?><content/>', parse_devices)


def test_data_that_is_nested_too_deeply_is_refused() -> None:
    body = json.dumps({**seeds.EVENT, "data": None}).replace("null", "[" * 500 + "]" * 500).encode()
    with pytest.raises(MalformedEvent, match="nested too deeply"):
        parse_events(STRUCTURED, body)


def test_data_in_base64_that_is_none_is_refused() -> None:
    body = json.dumps({**seeds.EVENT, "data_base64": "\x80"}).encode()
    with pytest.raises(MalformedEvent, match="data_base64: not base64"):
        parse_events(STRUCTURED, body)


@pytest.mark.parametrize("label", ["08", "0o7", "1e3", "~", "true"])
def test_a_device_whose_name_looks_like_a_number_keeps_it(label: str) -> None:
    rubric = parse_rubric(seeds.RUBRIC.replace("device: R1", f"device: '{label}'"))
    assert rubric.devices == {label}
    assert parse_rubric(rubric_yaml(rubric)) == rubric

    named = parse_topology(seeds.TOPOLOGY.replace("label: R1", f"label: '{label}'"))
    written = rewrite_topology(named, {slot.name: 2000 for slot in port_template(named)}, "s1")
    assert parse_topology(written).nodes[0].label == label


EDGES_OF_TIME = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]


@pytest.mark.parametrize("instant", EDGES_OF_TIME)
def test_a_time_beyond_the_calendar_is_refused(instant: str) -> None:
    with pytest.raises(MalformedEvent, match=r"time: .*outside the years"):
        parse_events(STRUCTURED, json.dumps({**seeds.EVENT, "time": instant}).encode())
    with pytest.raises(ValueError, match="outside the years"):
        ReserveSession.model_validate({"definition_id": "d", "slot": {"start": instant, "end": instant}})


def test_a_secret_file_that_is_no_text_is_named(tmp_path: object) -> None:
    path = f"{tmp_path}/secret"
    with open(path, "wb") as file:
        file.write(b"\xff\x00")
    with pytest.raises(SecretFileError, match=r"JWT_SECRET_KEY_FILE: .* is not UTF-8 text"):
        secrets_from_files({"JWT_SECRET_KEY_FILE": path})


def numbered(tags: Iterable[str]) -> bytes:
    """A topology whose first node has these tags."""

    def tag(tree: dict[str, list[dict[str, object]]]) -> None:
        tree["nodes"][0].update(tags=list(tags), configuration="")
        tree["lab"]["notes"] = ""  # type: ignore[call-overload]

    return topology(tag)


def test_a_node_with_thousands_of_tags_is_refused() -> None:
    assert "8000 tags, the limit is 100" in faults(numbered(f"serial:{port}" for port in range(8000)), parse_topology)


def test_many_nodes_with_the_longest_list_of_tags_are_named_quickly() -> None:
    def crowd(tree: dict[str, list[dict[str, object]]]) -> None:
        one = tree["nodes"][1]
        tree["nodes"] = [
            # The labels differ only where a name of a port is cut.
            {**one, "id": f"n{number}", "label": f"{'R' * 60}{number}", "tags": tags, "configuration": ""}
            for number in range(200)
            for tags in [[f"vnc:{2000 + number * 100 + port}" for port in range(100)]]
        ]
        tree["links"], tree["smart_annotations"] = [], []
        tree["lab"]["notes"] = ""  # type: ignore[call-overload]

    with within_cpu_seconds(CPU_SECONDS):
        names = [slot.name for slot in port_template(parse_topology(topology(crowd)))]
    assert len(set(names)) == 20_000


def test_a_forged_event_is_stored_nowhere_and_a_good_one_once() -> None:
    body = json.dumps(seeds.EVENT).encode()
    assert send(STRUCTURED, body, forged=True) == (401, [])
    status, stored = send(STRUCTURED, body)
    assert (status, [event.id for event in stored]) == (202, ["e1"])


def test_a_body_beyond_the_limit_is_stored_nowhere() -> None:
    body = json.dumps({**seeds.EVENT, "data": "x" * BODY_LIMIT}).encode()
    assert send(STRUCTURED, body) == (413, [])
