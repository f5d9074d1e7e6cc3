"""Feed every parser with strange input: ``python -m tests.security [--minutes 10] [--seed 1] [--only NAME]``.

Ends with status 1 at the first input that is neither read nor refused as documented, and prints the smallest such
input. The seed repeats the walk; a defect that was found becomes a test of its own in ``test_found.py``.
"""

import argparse
import resource
import sys
import time
import traceback

from tests.security.targets import TARGETS

MEMORY = 2 * 1024**3
"""Bytes of address space; what needs more ends in a MemoryError, which no target may raise."""
EXAMPLES = 300


def main() -> int:
    """Walk until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=[target.name for target in TARGETS])
    wanted = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    targets = [target for target in TARGETS if wanted.only in (None, target.name)]
    end, seed, inputs = time.monotonic() + wanted.minutes * 60, wanted.seed, 0
    while time.monotonic() < end:
        for target in targets:
            try:
                target.walk(EXAMPLES, seed)
            except Exception:  # whatever a parser raises is what this is about
                traceback.print_exc()
                print(f"fuzz: {target.name} fails with --only {target.name} --seed {seed}")
                return 1
            inputs += EXAMPLES
        seed += 1
    print(f"fuzz: clean, {inputs} inputs for {len(targets)} parsers, seeds {wanted.seed} to {seed - 1}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
