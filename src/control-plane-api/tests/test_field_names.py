"""Models that share the names they were given: less memory, and the same in every other way."""

import tracemalloc
from collections.abc import Iterator

from domain_samples import LIMITS, NOW, session_spec
from pydantic import BaseModel, ConfigDict

from control_plane_api.domain.lablet_session.session import LabletSession
from control_plane_api.infrastructure.mongo.field_names import FieldNames
from lcm_core.contracts.sessions import SessionSpec, SessionStatus


class Leaf(BaseModel):
    """A model with more names than a small set holds."""

    model_config = ConfigDict(extra="allow")

    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    e: int = 0


class Tree(BaseModel):
    """A model that holds others in every way that contracts do."""

    one: Leaf
    many: list[Leaf] = []
    named: dict[str, Leaf] = {}
    both: tuple[Leaf, ...] = ()


WHOLE = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}


def leaves(tree: Tree) -> Iterator[Leaf]:
    yield tree.one
    yield from tree.many
    yield from tree.named.values()
    yield from tree.both


def a_tree() -> Tree:
    return Tree.model_validate({"one": WHOLE, "many": [WHOLE, WHOLE], "named": {"x": WHOLE}, "both": (WHOLE,)})


def test_models_with_the_same_names_share_one_set_wherever_they_are() -> None:
    names = FieldNames()
    trees = [a_tree(), a_tree()]
    for tree in trees:
        names.share(tree)
    assert len({id(leaf.model_fields_set) for tree in trees for leaf in leaves(tree)}) == 1
    assert trees[0].model_fields_set is trees[1].model_fields_set


def test_what_was_given_is_still_told_from_what_was_not() -> None:
    names = FieldNames()
    some, all_of_it = Leaf(a=1), Leaf.model_validate(WHOLE)
    names.share(some)
    names.share(all_of_it)
    assert some.model_dump(exclude_unset=True) == {"a": 1}
    assert all_of_it.model_dump(exclude_unset=True) == WHOLE


def test_a_copy_is_its_own() -> None:
    names = FieldNames()
    some, same = Leaf(a=1), Leaf(a=2)
    names.share(some)
    names.share(same)
    some.model_copy().b = 5
    some.model_copy(update={"c": 7})
    assert same.model_dump(exclude_unset=True) == {"a": 2}


def test_names_from_outside_are_not_kept() -> None:
    names = FieldNames()
    for number in range(3):
        strange = Leaf.model_validate({f"x{number}": 1})
        before = strange.model_fields_set
        names.share(strange)
        assert strange.model_fields_set is before


def test_a_kept_session_takes_much_less_memory() -> None:
    session = LabletSession.reserve("s1", session_spec(), "user", NOW, LIMITS)
    spec, status = session.spec.model_dump(mode="json"), session.status.model_dump(mode="json")
    names = FieldNames()

    def kept(share: bool) -> int:
        tracemalloc.start()
        try:
            parsed = [(SessionSpec.model_validate(spec), SessionStatus.model_validate(status)) for _ in range(50)]
            for each in parsed if share else ():
                names.share(each[0])
                names.share(each[1])
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    kept(True), kept(False)
    assert kept(True) < 0.6 * kept(False)
