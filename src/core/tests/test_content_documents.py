"""Documents that strangers wrote: limits hold before anything is built, and faults carry their line."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcm_core.content.document import DocumentLimits, parse_document
from lcm_core.content.errors import ContentRefused
from lcm_core.content.rubric import parse_rubric, rubric_yaml
from lcm_core.contracts.definitions import ContentError
from lcm_core.topology.parse import parse_topology

RUBRIC = """
version: 1
title: VLANs
cut_score: 70
sections:
  - name: SW1
    checks:
      - {id: vlan-10, device: SW1, must_match: '^vlan 10$', weight: 2}
      - {id: no-vlan-1, device: SW1, must_not_match: 'vlan 1$'}
"""


def refusal(text: str | bytes, limits: DocumentLimits = DocumentLimits()) -> str:
    with pytest.raises(ContentRefused) as refused:
        parse_document(text, "file.yaml", limits)
    return str(refused.value)


def test_words_that_other_parsers_take_for_values_stay_words() -> None:
    assert parse_document("a: yes\nb: 12:30\nc: 2026-01-01\nd: 0x1F\ne: null\n", "f").value == {
        "a": "yes",
        "b": "12:30",
        "c": "2026-01-01",
        "d": 31,
        "e": None,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: !!python/object/apply:os.system [ls]", "tag"),
        ("a: 1\na: 2", "twice"),
        ("--- 1\n--- 2", "more than one document"),
        ("a: *nothing", "nothing"),
        ("a: [1", "file.yaml:"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_what_yaml_allows_and_we_do_not_is_refused(text: str | bytes, words: str) -> None:
    assert words in refusal(text)


def test_a_document_that_grows_by_aliases_is_refused_before_it_has_grown() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 8)]
    assert "more than" in refusal("\n".join(lines))


def test_depth_and_size_are_limited() -> None:
    assert "deeper than 5" in refusal("[" * 9 + "]" * 9, DocumentLimits(depth=5)) or "deeper" in refusal(
        "a: " + "{b: " * 60 + "1" + "}" * 60
    )
    assert "limit is 10" in refusal("a: 0123456789", DocumentLimits(bytes=10))


def test_a_fault_names_its_line() -> None:
    assert refusal("a: 1\nb:\n  c: 1\n  c: 2\n").startswith("file.yaml:4: b.c")


def outcome(parse: Callable[[bytes | str], object], content: bytes | str) -> Sequence[ContentError] | None:
    """The faults that were found; None for content that is accepted."""
    try:
        parse(content)
    except ContentRefused as refused:
        return refused.errors
    return None


@given(st.binary(max_size=400))
def test_any_bytes_are_a_document_or_refused_with_a_reason(content: bytes) -> None:
    for parse in (lambda data: parse_document(data, "f"), parse_topology, parse_rubric):
        faults = outcome(parse, content)
        assert faults is None or all(fault.message for fault in faults)


@given(st.text(alphabet="{}[]:,-&*!#|>'\"\n ab1", max_size=200))
def test_any_text_of_yaml_signs_is_a_document_or_refused_with_a_reason(text: str) -> None:
    faults = outcome(lambda data: parse_document(data, "f"), text)
    assert faults is None or all(fault.message for fault in faults)


def test_a_rubric_is_read_and_written_the_same() -> None:
    rubric = parse_rubric(RUBRIC)
    assert rubric.max_score == 3
    assert rubric.devices == {"SW1"}
    assert parse_rubric(rubric_yaml(rubric)) == rubric


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (("'^vlan 10$'", "'('"), "sections[0].checks[0].must_match"),
        (("no-vlan-1", "vlan-10"), "document"),
        (("cut_score: 70", "cut_score: 170"), "cut_score"),
        (("must_not_match: 'vlan 1$'", "weight: 1"), "sections[0].checks[1]"),
        (("title: VLANs", "titel: VLANs"), "titel"),
    ],
)
def test_a_faulty_rubric_is_refused_by_field(change: tuple[str, str], field: str) -> None:
    with pytest.raises(ContentRefused) as refused:
        parse_rubric(RUBRIC.replace(*change))
    assert refused.value.errors[0].field == field
