"""``python -m worker_controller``."""

from worker_controller.main import main

if __name__ == "__main__":
    main()
