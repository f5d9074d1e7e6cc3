"""Health check of a container: ``python -m lcm_core.health URL`` exits 0 when the URL answers with a 2xx status."""

import sys
import urllib.error
import urllib.request

TIMEOUT_SECONDS = 2.0


def main(arguments: list[str]) -> int:
    """Ask once; 1 with a sentence when the answer is not good."""
    if len(arguments) != 1 or not arguments[0].startswith("http://"):
        print("usage: python -m lcm_core.health http://host:port/path", file=sys.stderr)
        return 2
    try:
        # The address is the container's own, fixed in its image.
        with urllib.request.urlopen(arguments[0], timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  # nosec B310
            return 0 if 200 <= answer.status < 300 else 1
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        print(f"{arguments[0]} is not healthy: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
