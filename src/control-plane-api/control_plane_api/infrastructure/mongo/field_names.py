"""Parsed models that are kept share what pydantic notes on each of them: the set of names that were given.

A model of eight fields holds 1.2 KiB for that set alone, more than for its values; a session consists of some forty
models, nearly all of which were given every name of their type.
"""

from cachetools import LRUCache
from pydantic import BaseModel

KEPT_SETS = 1_000


class FieldNames:
    """One set for all models that were given the same names. Only for models that nobody changes."""

    def __init__(self) -> None:
        self._sets: LRUCache[frozenset[str], set[str]] = LRUCache(KEPT_SETS)

    def share(self, model: BaseModel) -> None:
        """Give a model, and all models within it, the set that the others have."""
        left: list[object] = [model]
        while left:
            value = left.pop()
            if isinstance(value, BaseModel):
                self._share_one(value)
                left.extend(value.__dict__.values())
            elif isinstance(value, list | tuple):
                left.extend(value)
            elif isinstance(value, dict):
                left.extend(value.values())

    def _share_one(self, model: BaseModel) -> None:
        # Names that a type does not know come from outside: as many sets as senders like.
        if model.__pydantic_extra__:
            return
        names = model.__pydantic_fields_set__
        object.__setattr__(model, "__pydantic_fields_set__", self._sets.setdefault(frozenset(names), names))
