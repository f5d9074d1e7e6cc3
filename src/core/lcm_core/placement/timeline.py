"""What is held on one worker at every instant: amounts and ports, as a step function that changes in place.

The step function is kept as sorted break points with the packed amounts and the set of ports held from each one to the
next. Holding or freeing an interval touches only the steps inside it; asking about an interval walks the same steps.
Capacity is not stored here: it belongs to the worker and may change while the holdings stay.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from lcm_core.placement.amounts import GUARDS

_BEGINNING = -(1 << 62)


class Timeline:
    """Holdings of one worker. Instants are microseconds, ports are bits of an integer."""

    __slots__ = ("_ports", "_times", "_used", "revision")

    def __init__(self) -> None:
        self._times = [_BEGINNING]
        self._used = [0]
        self._ports = [0]
        self.revision = 0
        """Counts changes, so that answers can be remembered."""

    def hold(self, start: int, end: int, amounts: int, ports: int) -> None:
        """Hold amounts and ports for ``[start, end)``."""
        if end <= start:
            return
        first, last = self._split(start), self._split(end)
        used, held = self._used, self._ports
        for step in range(first, last):
            used[step] += amounts
            held[step] |= ports
        self.revision += 1
        self._join(last)
        self._join(first)

    def free(self, start: int, end: int, amounts: int, ports: int) -> None:
        """Take back exactly what ``hold`` was given."""
        if end <= start:
            return
        first, last = self._split(start), self._split(end)
        used, held = self._used, self._ports
        for step in range(first, last):
            used[step] -= amounts
            held[step] &= ~ports
        self.revision += 1
        self._join(last)
        self._join(first)

    def blocked_at(self, start: int, end: int, room: int, wanted: int) -> int | None:
        """The first instant in ``[start, end)`` at which ``wanted`` does not fit; None when it fits throughout.

        ``room`` is the packed capacity.
        """
        left = (room | GUARDS) - wanted
        times = self._times
        first = bisect_right(times, start) - 1
        last = bisect_left(times, end, first)
        step = first
        for used in self._used[first:last]:
            if (left - used) & GUARDS != GUARDS:
                return max(start, times[step])
            step += 1
        return None

    def ports_held(self, start: int, end: int) -> int:
        """Every port that is held at some instant of ``[start, end)``."""
        first = bisect_right(self._times, start) - 1
        held = 0
        for ports in self._ports[first : bisect_left(self._times, end, first)]:
            held |= ports
        return held

    def used_at(self, moment: int) -> int:
        """Packed amounts held at an instant."""
        return self._used[bisect_right(self._times, moment) - 1]

    def busy(self, start: int, end: int) -> bool:
        """Whether anything is held in ``[start, end)``."""
        first = bisect_right(self._times, start) - 1
        return any(self._used[first : bisect_left(self._times, end, first)])

    def steps(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """``(from, until, packed amounts)`` of each step inside ``[start, end)``."""
        first = bisect_right(self._times, start) - 1
        last = bisect_left(self._times, end, first)
        for step in range(first, last):
            until = self._times[step + 1] if step + 1 < len(self._times) else end
            yield max(start, self._times[step]), min(end, until), self._used[step]

    def earliest(self, since: int, latest: int, length: int, room: int, wanted: int) -> int | None:
        """The first start in ``[since, latest]`` from which ``wanted`` fits for ``length``; None when there is none."""
        left = (room | GUARDS) - wanted
        times, used = self._times, self._used
        start = since
        step = bisect_right(times, since) - 1
        count = len(times)
        while start <= latest:
            until = times[step + 1] if step + 1 < count else None
            if (left - used[step]) & GUARDS != GUARDS:
                if until is None:
                    return None
                start = until
            elif until is None or until >= start + length:
                return start
            step += 1
        return None

    def next_change(self, after: int) -> int | None:
        """The first break point after an instant."""
        step = bisect_right(self._times, after)
        return self._times[step] if step < len(self._times) else None

    def forget(self, before: int) -> None:
        """Drop break points of the past; questions must not reach behind ``before`` any more."""
        step = bisect_right(self._times, before) - 1
        if step > 0:
            del self._times[1 : step + 1], self._used[:step], self._ports[:step]

    def _split(self, moment: int) -> int:
        """Index of the step that begins exactly at an instant, made if needed."""
        times = self._times
        step = bisect_left(times, moment)
        if step < len(times) and times[step] == moment:
            return step
        times.insert(step, moment)
        self._used.insert(step, self._used[step - 1])
        self._ports.insert(step, self._ports[step - 1])
        return step

    def _join(self, step: int) -> None:
        """Drop a break point at which nothing changes."""
        used, ports = self._used, self._ports
        if 0 < step < len(self._times) and used[step] == used[step - 1] and ports[step] == ports[step - 1]:
            del self._times[step], used[step], ports[step]
