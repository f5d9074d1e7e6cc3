"""The outside world as services see it: protocols with frozen dataclasses, one module per remote system."""
