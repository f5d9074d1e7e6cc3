#!/usr/bin/env python3
"""Run one simulator of the outside world by itself until Ctrl-C: ``python scripts/simulator.py lds --port 8043``.

It keeps its data in ``.data/sim-<name>``, apart from what ``make run`` keeps. Every other setting comes from the
environment, as the documentation of the simulators lists them.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PORTS = {"identity": 8021, "ec2": 8040, "cml": 8042, "lds": 8043, "grading": 8044}
"""The simulators, each with the port it has when none is asked for."""


def environment_of(name: str, port: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment of the simulator's process; a data folder that was set stays."""
    chosen = {f"LCM_{name.upper()}_PORT": str(port)}
    data = {"LCM_SIM_DATA_DIR": inherited.get("LCM_SIM_DATA_DIR") or str(ROOT / ".data" / f"sim-{name}")}
    return {**inherited, **data, **chosen}


def main() -> None:
    """Become the simulator's process."""
    parser = argparse.ArgumentParser(description="Run one simulator until Ctrl-C.")
    parser.add_argument("name", choices=sorted(PORTS), help="which one; 'cml' is the management API of a fleet")
    parser.add_argument("--port", type=int, help="port on 127.0.0.1 (default: its own)")
    options = parser.parse_args()
    port = options.port or PORTS[options.name]
    print(f"{options.name} at http://127.0.0.1:{port}/ (data in .data/sim-{options.name}, Ctrl-C stops it)", flush=True)
    command = [sys.executable, "-m", f"lcm_simulators.{options.name}"]
    os.execve(command[0], command, environment_of(options.name, port, os.environ))


if __name__ == "__main__":
    main()
