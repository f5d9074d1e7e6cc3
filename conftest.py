"""What holds for the tests of every folder."""

pytest_plugins = ["tests.resting"]
