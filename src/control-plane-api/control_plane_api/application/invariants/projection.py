"""Documents are readable; etcd shows what they hold, and nothing that does not belong there."""

from collections.abc import Iterator

from control_plane_api.application.invariants.picture import KeyFact, Picture, Violation
from lcm_core.contracts.common import Resources
from lcm_core.etcd.keys import CAPACITY, METRICS, ObjectKey
from lcm_core.etcd.values import MAX_STATE_BYTES

_STATE_FIELDS = frozenset({"generation", "phase", "desired", "next_at", "refs", "traceparent"})
_FIELDS = {
    CAPACITY: frozenset(Resources.model_fields) | {"claims_version", "schedulable"},
    METRICS: frozenset({"at"}),
}


def etcd_equals_database(picture: Picture) -> Iterator[Violation]:
    """Each document stands in etcd in its newest version, and no key is without a document."""
    for fact in picture.keys:
        if _facet(fact.key) == METRICS:
            continue  # Samples are no aggregates: they come and go by themselves.
        problem = _difference(fact)
        if problem:
            # The version is part of the subject: an object that changes all the time is behind each time anew.
            version = fact.stored.version if fact.stored is not None else 0
            yield Violation("etcd-equals-database", f"{fact.key}@{version}", f"{fact.key}: {problem}.")


def _difference(fact: KeyFact) -> str:
    stored, shown = fact.stored, fact.shown
    if stored is None:
        return "etcd shows an object that the database does not have"
    if shown is None:
        state = "a value that cannot be read" if fact.size else "nothing"
        return f"etcd shows {state}, the database holds version {stored.version}"
    if shown.version != stored.version:
        return f"etcd shows version {shown.version}, the database holds version {stored.version}"
    if shown.body != stored.body:
        return f"etcd shows version {stored.version} otherwise than the database: {shown.body} and {stored.body}"
    return ""


def summaries_only(picture: Picture) -> Iterator[Violation]:
    """A projected value has the fields of a summary alone (so no secret finds its way there), and stays small."""
    for fact in picture.keys:
        strange = sorted(fact.fields - _FIELDS.get(_facet(fact.key), _STATE_FIELDS))
        if strange:
            sentence = f"{fact.key} has fields that do not belong into etcd: {', '.join(strange)}."
            yield Violation("etcd-summaries-only", fact.key, sentence)
        elif fact.size > MAX_STATE_BYTES:
            sentence = f"{fact.key} takes {fact.size} bytes in etcd; a summary has at most {MAX_STATE_BYTES}."
            yield Violation("etcd-summaries-only", fact.key, sentence)


def _facet(key: str) -> str:
    parsed = ObjectKey.parse(key)
    return parsed.facet if parsed is not None else ""


def documents_readable(picture: Picture) -> Iterator[Violation]:
    """Every document is what the platform wrote; one that cannot be read hides what it should be checked for."""
    for document in picture.unreadable:
        yield Violation("document-readable", document, f"The document {document} cannot be read.")
