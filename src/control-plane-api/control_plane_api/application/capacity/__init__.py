"""Capacity over time: previews, the calendar, and reservations beyond what the platform could ever offer."""
