"""``python -m lablet_controller``."""

from lablet_controller.main import main

if __name__ == "__main__":
    main()
