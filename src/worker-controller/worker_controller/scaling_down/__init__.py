"""What scale-down needs to know: whether anybody uses a worker. The scheduler decides; nothing is stopped here."""
