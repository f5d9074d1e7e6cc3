"""Lab folders: the delivery system reads packages from S3 and shows the learner what is in them."""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from event_world import s3_of, unique_id
from lds_world import ROUTER, Lds, delivery_system, meta, package

from lcm_simulators.lds.content import bucket_of
from lcm_simulators.lds.markdown import render

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TASKS = """# Build the VLANs

Give **SW1** the VLANs *10* and `20`; see [the plan](https://example.net/plan).

1. Log in.
2. Type:

```
vlan 10 <name>
```
"""
DEVICES = '<content><device device_label="R1" category="edge router" coords="1,2" user_access_mode="serial"/></content>'


@pytest.fixture(scope="module")
def lds(tmp_path_factory: pytest.TempPathFactory, moto_endpoint: str) -> Iterator[Lds]:
    """One delivery system for all tests here."""
    with delivery_system(tmp_path_factory.mktemp("lds"), moto_endpoint) as running:
        yield running


@pytest.fixture(scope="module")
def s3(moto_endpoint: str) -> "S3Client":
    """The S3 that the platform writes packages to."""
    return s3_of(moto_endpoint)


def form() -> str:
    """A form of its own."""
    return f"Exam CCNP {unique_id()} LAB 1.0 a"


def upload(s3: "S3Client", name: str, content: bytes, *, with_rubric: bool = True) -> str:
    """Store a package as the platform does; its version."""
    bucket, version = bucket_of(name), hashlib.sha256(content).hexdigest()
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=f"packages/{version}.zip", Body=content)
    if with_rubric:
        s3.put_object(Bucket=bucket, Key=f"packages/{version}/rubric.yaml", Body=b"version: 1")
    return version


def refresh(lds: Lds, name: str) -> httpx.Response:
    return lds.server.call("PUT", f"/reservations/v3/lab_folder/minio/{quote(name, safe='')}", json={})


def reserve(lds: Lds, name: str) -> dict[str, Any]:
    part = {"repository_type": "minio", "form_qualified_name": name}
    return lds.ready("", ROUTER, session_parts=[part])


def test_a_refresh_answers_version_and_size_of_the_newest_package(lds: Lds, s3: "S3Client") -> None:
    name = form()
    first = package({"cml.yaml": "", "mosaic_meta.json": meta("First")})
    version = upload(s3, name, first)
    body = refresh(lds, name).json()
    assert (body["version"], body["size"]) == (version, len(first))
    second = package({"cml.yaml": "", "mosaic_meta.json": meta("Second, and longer")})
    newer = upload(s3, name, second)
    body = refresh(lds, name).json()
    assert (body["version"], body["size"]) == (newer, len(second))


def test_the_learner_sees_title_tasks_and_kinds_of_devices(lds: Lds, s3: "S3Client") -> None:
    name = form()
    files = {"mosaic_meta.json": meta("VLANs & <trunks>"), "content.xml": DEVICES}
    files |= {"tasks/02-troubleshoot_it.txt": "Mend what is broken.", "tasks/01-build.md": TASKS, "tasks/x.png": "no"}
    upload(s3, name, package(files))
    refresh(lds, name)
    session = reserve(lds, name)
    page = lds.page(session["id"])
    assert page.words.startswith("VLANs & <trunks> VLANs & <trunks> Ada Lovelace")
    assert page.words.index("Build the VLANs") < page.words.index("Troubleshoot it")
    assert "edge router" in page.words
    assert "vlan 10 <name>" in page.words
    assert "Mend what is broken." in page.words


def test_a_session_keeps_the_content_it_was_reserved_with(lds: Lds, s3: "S3Client") -> None:
    name = form()
    first = upload(s3, name, package({"tasks/a.md": "The old task."}))
    refresh(lds, name)
    early = reserve(lds, name)
    second = upload(s3, name, package({"tasks/a.md": "The new task."}))
    refresh(lds, name)
    late = reserve(lds, name)
    assert (early["content_version"], late["content_version"]) == (first, second)
    assert "The old task." in lds.page(early["id"]).words
    assert "The new task." in lds.page(late["id"]).words


def test_a_session_reserved_before_its_content_came_is_bound_when_it_is_opened(lds: Lds, s3: "S3Client") -> None:
    name = form()
    session = reserve(lds, name)
    assert "brings no task texts" in lds.page(session["id"]).words
    version = upload(s3, name, package({"tasks/a.md": "Here it is."}))
    refresh(lds, name)
    assert "Here it is." in lds.page(session["id"]).words
    assert lds.session(session["id"])["content_version"] == version


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no zip at all", "not a readable zip"),
        (package({"content.xml": "<content>"}), "content.xml"),
        (package({"content.xml": '<!DOCTYPE c [<!ENTITY x "y">]><content>&x;</content>'}), "content.xml"),
        (package({"mosaic_meta.json": "{'title'"}), "mosaic_meta.json"),
    ],
    ids=["no zip", "no xml", "entities", "no json"],
)
def test_a_package_that_cannot_be_read_is_refused_with_the_reason(
    lds: Lds, s3: "S3Client", content: bytes, words: str
) -> None:
    name = form()
    upload(s3, name, content)
    answer = refresh(lds, name)
    assert (answer.status_code, answer.json()["error"]) == (422, "content_unreadable")
    assert words in answer.json()["message"]


def test_content_that_is_not_there_is_not_found(lds: Lds, s3: "S3Client") -> None:
    name = form()
    assert refresh(lds, name).json()["error"] == "content_not_found"
    s3.create_bucket(Bucket=bucket_of(name))
    answer = refresh(lds, name)
    assert (answer.status_code, answer.json()["error"]) == (404, "content_not_found")


def test_a_long_name_has_a_bucket_that_s3_accepts() -> None:
    name = f"Exam CCNP {'x' * 80} LAB 1.0 a"
    assert len(bucket_of(name)) == 63
    assert bucket_of(name) != bucket_of(name.replace("1.0", "1.1"))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one two</p><p>three</p>"),
        ("# A\n## B ##", "<h3>A</h3><h4>B</h4>"),
        ("- a\n  more\n- b\n\n1. c\n2) d", "<ul><li>a more</li><li>b</li></ul><ol><li>c</li><li>d</li></ol>"),
        ("```\n**raw** <b>\n", '<pre tabindex="0"><code>**raw** &lt;b&gt;\n</code></pre>'),
        ("a `*b*` *c* **d** 2*3*4", "<p>a <code>*b*</code> <em>c</em> <strong>d</strong> 2*3*4</p>"),
        ("[x](javascript:alert(1)) ![p](https://a/b.png)", "<p>[x](javascript:alert(1)) p</p>"),
        (
            '[x](http://a/"onclick="b)',
            '<p><a href="http://a/&quot;onclick=&quot;b" rel="noreferrer noopener">x</a></p>',
        ),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
    ],
)
def test_task_texts_become_html_and_nothing_in_them_is_run(text: str, html: str) -> None:
    assert render(text) == html
