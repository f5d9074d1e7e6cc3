"""``python -m resource_scheduler``."""

from resource_scheduler.main import main

if __name__ == "__main__":
    main()
