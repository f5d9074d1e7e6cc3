"""What was done and what came of it, one line each; enough to tell the story of a violation."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Answer(StrEnum):
    """What an operation came to. Of an unknown one nobody can say whether it had its effect."""

    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of a user; ``key`` is the note of a reservation or the id of a session."""

    at: float
    took: float
    kind: str
    key: str
    answer: Answer
    detail: str = ""


@dataclass(slots=True)
class History:
    """Everything that happened in a run, from users and the adversary, in the order in which it ended."""

    operations: list[Operation] = field(default_factory=list)
    remarks: list[tuple[float, str]] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.begun

    def remark(self, text: str) -> None:
        """Something that the adversary or the run did."""
        self.remarks.append((self.now, text))

    def add(self, begun: float, kind: str, key: str, answer: Answer, detail: str = "") -> None:
        """An operation that began at ``begun`` has ended now."""
        self.operations.append(Operation(begun, self.now - begun, kind, key, answer, detail))

    def of(self, kind: str, answer: Answer) -> list[Operation]:
        """Operations of a kind with that answer."""
        return [operation for operation in self.operations if operation.kind == kind and operation.answer is answer]

    def counts(self) -> Counter[str]:
        """How many operations had which answer."""
        return Counter(str(operation.answer) for operation in self.operations)

    def write(self, path: Path) -> None:
        """One JSON object per line, by time."""
        lines: list[tuple[float, dict[str, object]]] = [(at, {"at": at, "remark": text}) for at, text in self.remarks]
        for operation in self.operations:
            body = {name: getattr(operation, name) for name in ("at", "took", "kind", "key", "answer", "detail")}
            lines.append((operation.at, body))
        text = "".join(json.dumps(line) + "\n" for _, line in sorted(lines, key=lambda item: item[0]))
        path.write_text(text)
