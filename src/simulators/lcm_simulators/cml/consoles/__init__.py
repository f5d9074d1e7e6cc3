"""Ways to a device's console: the session itself, and the outside ports of PATty."""
