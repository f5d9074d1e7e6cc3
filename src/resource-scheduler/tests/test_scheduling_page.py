"""The page about scheduling says what the scheduler does: its codes, its settings and its worked example."""

import re
from datetime import timedelta
from pathlib import Path

from pictures import after, claim, reasons, world
from worlds import definition, session, template, worker

from lcm_core.contracts.common import Resources
from lcm_core.domain.vocabulary import LicenseType
from resource_scheduler.decide import decide
from resource_scheduler.settings import SchedulerSettings

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "architecture" / "scheduling.md").read_text(encoding="utf-8")
DECIDE = ROOT / "src" / "resource-scheduler" / "resource_scheduler" / "decide"
CODE = re.compile(r'"([A-Z][a-z]+(?:[A-Z][a-z]+)+|Placed|Consolidated)"')


def test_every_reason_code_is_in_the_table_and_no_other() -> None:
    used = {code for file in DECIDE.glob("*.py") for code in CODE.findall(file.read_text(encoding="utf-8"))}
    told = set(re.findall(r"^\| `([A-Z][a-zA-Z]+)` \|", PAGE, re.MULTILINE))
    assert used == told


def test_every_setting_is_in_the_table_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `LCM_SCHEDULER_(\w+)` \| `?([^|`]+)`? \|", PAGE, re.MULTILINE))
    fields = SchedulerSettings.model_fields
    assert set(rows) == {name.upper() for name in fields}
    for name, field in fields.items():
        shown = rows[name.upper()].strip()
        default = field.get_default(call_default_factory=True)
        assert shown == (f"{default:g}" if isinstance(default, int | float) else str(default)), name


def test_the_worked_example_is_what_happens() -> None:
    lab = definition("exam", needs=Resources(cores=4, memory_mb=8192, storage_gb=8, nodes=21))
    personal = template("personal", license_type=LicenseType.PERSONAL)
    workers = [worker("w-1", made_from=personal), worker("w-2")]
    picture = world([session("s", lab, start=after(120))], workers, [template()], definitions=[lab])
    claim(picture, "w-2", after(60), 120, cores=45)
    plan = decide(picture, SchedulerSettings())
    assert reasons(plan) == {"s": "LaunchPlanned"}
    text = " ".join(PAGE.split())
    assert plan.waiting[0].message in text
    without_template = world([session("s", lab, start=after(120))], workers, definitions=[lab])
    claim(without_template, "w-2", after(60), 120, cores=45)
    for refused in decide(without_template, SchedulerSettings()).waiting[0].refused:
        assert refused.message in text
    due = world([session("s", lab, start=after(120))], workers, [template()], definitions=[lab], now=after(92))
    claim(due, "w-2", after(60), 120, cores=45)
    assert len(decide(due, SchedulerSettings()).launches) == 1
    assert after(92) + timedelta(minutes=10) == after(102)
