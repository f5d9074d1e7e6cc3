"""A folder of JSON documents, one file each, written before the call that changed them is answered."""

from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

ModelT = TypeVar("ModelT", bound=BaseModel)


class DocumentFolder(Generic[ModelT]):
    """Documents by id, kept in memory and on disk; a process that is killed at any instant finds them again."""

    def __init__(self, folder: Path, model: type[ModelT]) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._items: dict[str, ModelT] = {}
        for file in sorted(folder.glob("*.json")):
            try:
                self._items[file.stem] = model.model_validate_json(file.read_bytes())
            except ValidationError as error:
                raise ValueError(f"{file} cannot be read: {error}") from error

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: str) -> ModelT | None:
        """One document."""
        return self._items.get(key)

    def all(self) -> Iterator[ModelT]:
        """Every document, in the order they were made."""
        yield from list(self._items.values())

    def put(self, key: str, item: ModelT) -> None:
        """Store a document; it is on disk when this returns."""
        self._items[key] = item
        partial = self._folder / f"{key}.new"
        partial.write_bytes(item.model_dump_json().encode())
        partial.replace(self._folder / f"{key}.json")

    def remove(self, key: str) -> None:
        """Forget a document."""
        self._items.pop(key, None)
        (self._folder / f"{key}.json").unlink(missing_ok=True)
