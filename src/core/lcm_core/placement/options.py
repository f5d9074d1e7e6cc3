"""What could be launched now: enabled templates in their regions, within limits and outside of back-off."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from lcm_core.contracts.workers import TemplateView, WorkerView
from lcm_core.domain.vocabulary import WorkerPhase
from lcm_core.placement.launch import Launch, LaunchOption
from lcm_core.placement.views import template_facts

TEMPLATE_BACKOFF = timedelta(minutes=10)
"""How long a template is left alone in a region after a launch failed there, unless told otherwise."""


class LaunchOptions:
    """The options, and what speaks against the rest.

    Args:
        templates: all worker templates.
        workers: all workers, ended ones included: their failures count for the back-off.
        now: the domain clock's time.
        backoff: see ``TEMPLATE_BACKOFF``.
    """

    def __init__(
        self,
        templates: Iterable[TemplateView],
        workers: Iterable[WorkerView],
        now: datetime,
        backoff: timedelta = TEMPLATE_BACKOFF,
    ) -> None:
        self.options: list[LaunchOption] = []
        self.obstacles: list[str] = []
        """One sentence for each template and region that cannot launch, for explanations."""
        self.retry_at: datetime | None = None
        """When the first of the passing obstacles ends."""
        known = list(workers)
        for template in sorted(templates, key=lambda each: each.spec.name):
            if template.spec.enabled:
                self._consider(template, known, now, backoff)

    @property
    def longest_boot(self) -> int:
        """Boot time of the slowest template, in microseconds."""
        return max((option.facts.boot for option in self.options), default=0)

    def less(self, launches: Sequence[Launch]) -> list[LaunchOption]:
        """The options that remain when some launches are taken."""
        taken: dict[tuple[str, str], int] = {}
        for launch in launches:
            taken[launch.option.name] = taken.get(launch.option.name, 0) + 1
        return [LaunchOption(each.facts, each.room - taken.get(each.name, 0)) for each in self.options]

    def _consider(
        self, template: TemplateView, workers: Sequence[WorkerView], now: datetime, backoff: timedelta
    ) -> None:
        spec, blocked = template.spec, template.status.blocked_until
        if blocked is not None and blocked > now:
            self._obstacle(f"Template {spec.name} is paused after failures until {blocked:%H:%M}.", blocked)
            return
        for region in spec.regions:
            made = list(_made_from(template, region, workers))
            until = max((at + backoff for worker in made for at in launch_failures(worker)), default=None)
            room = spec.max_workers_per_region - sum(counts_against_limit(worker) for worker in made)
            if until is not None and until > now:
                self._obstacle(f"{spec.name} failed to launch in {region}; it is tried again at {until:%H:%M}.", until)
            elif room <= 0:
                limit = spec.max_workers_per_region
                self.obstacles.append(f"{spec.name} has its limit of {limit} workers in {region}.")
            else:
                facts = template_facts(template, region, now, f"new-{template.id}-{region}")
                self.options.append(LaunchOption(facts, room))

    def _obstacle(self, sentence: str, until: datetime) -> None:
        self.obstacles.append(sentence)
        if self.retry_at is None or until < self.retry_at:
            self.retry_at = until


def _made_from(template: TemplateView, region: str, workers: Iterable[WorkerView]) -> Iterator[WorkerView]:
    for worker in workers:
        if worker.spec.template_id == template.id and worker.spec.region == region:
            yield worker


def counts_against_limit(worker: WorkerView) -> bool:
    """Whether a worker counts against its template's limit: everything that has or will get an instance."""
    if worker.status.phase is WorkerPhase.TERMINATED:
        return False
    return worker.status.phase is not WorkerPhase.FAILED or bool(worker.status.instance.instance_id)


def launch_failures(worker: WorkerView) -> Iterator[datetime]:
    """When a worker's launch failed: on the way up, before it ever ran."""
    ran = False
    for change in worker.status.history:
        ran = ran or change.phase is WorkerPhase.RUNNING
        if change.phase is WorkerPhase.FAILED and not ran:
            yield change.at
