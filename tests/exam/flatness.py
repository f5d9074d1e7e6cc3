"""Whether something grows without end: a pure comparison of the last quarter of a day with the second one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

STEADY = (
    "claims",
    "controllers",
    "definitions",
    "installation",
    "invariants",
    "jobs",
    "locks",
    "login_failures",
    "quota_usage",
    "settings",
    "templates",
    "terms",
    "worker_metrics",
    "workers",
)
"""Collections whose size depends on what exists, not on what has happened."""
MEMORY_SHARE, MEMORY_MIB = 0.10, 16.0
"""What a process may grow by: more sessions on record and caches that fill up take some."""
FILES = 16
DOCUMENTS = 8


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: MiB and open files of each process, documents of each collection, keys in etcd."""

    hours: float
    memory: Mapping[str, float]
    files: Mapping[str, int]
    documents: Mapping[str, int]
    keys: int

    def __str__(self) -> str:
        memory = ", ".join(f"{name} {amount:.0f} MiB {self.files[name]} files" for name, amount in self.memory.items())
        return f"+{self.hours:4.1f} h  {memory}; {self.keys} keys, {sum(self.documents.values())} documents"


def growing(samples: Sequence[Sample], hours: float) -> list[str]:
    """What was larger in the last quarter than in the second by more than it may be, one sentence each."""
    early = [sample for sample in samples if hours / 4 <= sample.hours < hours / 2]
    late = [sample for sample in samples if hours * 3 / 4 <= sample.hours <= hours]
    if not early or not late:
        return ["too little was measured to say whether anything grows"]
    found = []
    for name in late[-1].memory:
        before, after = (median(sample.memory.get(name, 0.0) for sample in part) for part in (early, late))
        if after - before > max(MEMORY_MIB, MEMORY_SHARE * before):
            found.append(f"{name} grew from {before:.0f} to {after:.0f} MiB")
        before, after = (median(sample.files.get(name, 0) for sample in part) for part in (early, late))
        if after - before > FILES:
            found.append(f"{name} had {before:.0f} files open, later {after:.0f}")
    for name in STEADY:
        most, later = (max(sample.documents.get(name, 0) for sample in part) for part in (early, late))
        if later - most > DOCUMENTS:
            found.append(f"collection {name} grew from {most} to {later} documents")
    return found
