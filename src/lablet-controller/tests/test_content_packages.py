"""Packages that strangers wrote: what is derived from a good one, and how each bad one is refused."""

import io
import stat
import zipfile
from pathlib import Path

import pytest
from lablet_rig import ROOT, package
from lablet_samples import DEVICES, RUBRIC, TWO_ROUTERS, two_routers

from lablet_controller.content.archive import ArchiveLimits, read_archive
from lablet_controller.content.package import bucket_of, derive, read_package
from lcm_core.content.errors import ContentRefused
from lcm_core.contracts.definitions import ContentError
from lcm_core.domain.vocabulary import PortProtocol

SHARED = ROOT.parent / "shared" / "labs"


def refused(content: bytes) -> list[ContentError]:
    with pytest.raises(ContentRefused) as caught:
        read_package(content)
    return list(caught.value.errors)


def test_the_sample_of_the_documentation_is_a_good_package() -> None:
    folder = ROOT / "docs" / "authoring" / "two-routers"
    files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    read = read_package(package(files))
    assert [slot.name for slot in read.ports] == ["R1", "R2"]
    assert read.rubric is not None
    assert read.rubric.max_score == 3
    assert [step.name for step in read.added_steps] == ["banner", "address-of-r1"]


def test_everything_a_definition_needs_is_derived() -> None:
    read = read_package(two_routers(meta='{"title": "Two routers", "nested": {"x": 1}, "revision": 3}'))
    derived = derive(read, "bucket", "packages/x.zip", "packages/x/rubric.yaml")
    assert derived.node_count == 2
    assert derived.node_definitions == ["iosv"]
    assert derived.estimated.cores == 2
    assert [(port.node_label, port.protocol) for port in derived.port_template] == [
        ("R1", PortProtocol.SERIAL),
        ("R2", PortProtocol.SERIAL),
    ]
    assert [device.label for device in derived.devices] == ["R1", "R2"]
    assert derived.upstream == {"title": "Two routers", "revision": "3"}
    assert read.rubric is not None


def test_a_package_may_be_a_topology_alone() -> None:
    read = read_package(package({"cml.yaml": TWO_ROUTERS}))
    assert read.rubric is None
    assert [device.label for device in read.devices] == ["R1", "R2"]


def test_the_faults_of_all_files_are_reported_together() -> None:
    errors = refused(
        two_routers(
            rubric=RUBRIC.replace("device: R2", "device: R9"),
            devices=DEVICES.replace('"R2"', '"R8"'),
            meta="[1]",
        )
    )
    assert {error.file for error in errors} == {"rubric.yaml", "content.xml", "mosaic_meta.json"}
    rubric = next(error for error in errors if error.file == "rubric.yaml")
    assert (rubric.line, rubric.field) == (9, "sections[1].checks[0].device")
    assert "R9" in rubric.message


def test_a_topology_without_nodes_is_refused_with_the_reason() -> None:
    errors = refused(package({"cml.yaml": "lab: {title: x, version: 0.3.0}\nnodes: []\nlinks: []\n"}))
    assert errors[0].file == "cml.yaml"
    assert "no nodes" in errors[0].message


def test_a_device_that_is_to_be_reached_by_a_port_it_lacks_is_named_with_its_line() -> None:
    devices = '<content>\n  <device device_label="R1" user_access_mode="vnc"/>\n</content>'
    errors = refused(two_routers(devices=devices))
    assert (errors[0].file, errors[0].line) == ("content.xml", 2)
    assert "R1" in errors[0].message


ENTITIES = """<?xml version="1.0"?><!DOCTYPE c [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><c device_label="&b;"/>"""
EXTERNAL = """<?xml version="1.0"?><!DOCTYPE c [<!ENTITY a SYSTEM "file:///etc/passwd">]><c>&a;</c>"""


@pytest.mark.parametrize("text", [ENTITIES, EXTERNAL], ids=["entities", "external"])
def test_document_types_and_entities_are_refused(text: str) -> None:
    errors = refused(two_routers(devices=text))
    assert errors[0].file == "content.xml"
    assert "not allowed" in errors[0].message


def test_xml_that_does_not_parse_is_refused_with_its_line() -> None:
    errors = refused(two_routers(devices="<a>\n<b>\n</a>"))
    assert (errors[0].file, errors[0].line) == ("content.xml", 3)


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system [ls]", "a: !!python/name:os.system x"])
def test_yaml_tags_are_refused(text: str) -> None:
    errors = refused(package({"cml.yaml": text}))
    assert "tag" in errors[0].message


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("../evil.txt", "leads out"),
        ("/etc/passwd", "leads out"),
        ("tasks/../../evil.txt", "leads out"),
        ("tasks\\evil.txt", "not allowed"),
        ("C:evil.txt", "not allowed"),
        ("x" * 300, "longer"),
    ],
)
def test_names_that_are_no_plain_paths_are_refused(name: str, word: str) -> None:
    errors = refused(package({"cml.yaml": TWO_ROUTERS, name: "x"}))
    assert any(word in error.message for error in errors)


def test_a_symbolic_link_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("cml.yaml", TWO_ROUTERS)
        link = zipfile.ZipInfo("tasks/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    errors = refused(buffer.getvalue())
    assert "symbolic" in errors[0].message


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    errors = refused(package({"cml.yaml": TWO_ROUTERS, "assets/bomb": b"\0" * 8_000_000}))
    assert "bomb" in errors[0].message


def test_a_file_larger_than_its_header_says_is_refused() -> None:
    content = bytearray(package({"cml.yaml": TWO_ROUTERS + "#" * 5000}))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.infolist()[0].file_size
    lying = bytes(content).replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert refused(lying)[0].field == "package"


@pytest.mark.parametrize(
    ("limits", "word"),
    [
        (ArchiveLimits(archive_bytes=10), "limit is 10"),
        (ArchiveLimits(entries=2), "limit is 2"),
        (ArchiveLimits(file_bytes=20), "limit is 20"),
        (ArchiveLimits(total_bytes=50), "limit is 50"),
    ],
)
def test_each_limit_is_named_when_it_is_passed(limits: ArchiveLimits, word: str) -> None:
    with pytest.raises(ContentRefused, match=word):
        read_archive(two_routers(), limits)


def test_bytes_that_are_no_zip_are_refused() -> None:
    assert "zip" in refused(b"not a zip at all")[0].message


def test_buckets_follow_the_rules_of_s3_and_stay_apart() -> None:
    assert bucket_of("Exam Lab 1 OSPF v1 r1") == "exam-lab-1-ospf-v1-r1"
    long = "A" * 60 + " b c d e f"
    cut, other = bucket_of(long), bucket_of(long + "2")
    assert len(cut) <= 63
    assert cut != other


def shared_topologies() -> list[Path]:
    return sorted(SHARED.glob("*.yaml")) if SHARED.is_dir() else []


def test_every_shared_topology_makes_a_package() -> None:
    files = shared_topologies()
    if not files:
        pytest.skip(f"no topologies in {SHARED}")
    refusals = {}
    for file in files:
        try:
            assert read_package(package({"cml.yaml": file.read_bytes()})).devices, file.name
        except ContentRefused as error:
            refusals[file.name] = str(error)
    assert len(refusals) <= 1
    assert all("no nodes" in refusal for refusal in refusals.values())
