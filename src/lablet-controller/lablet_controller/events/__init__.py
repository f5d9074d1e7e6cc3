"""Inbound CloudEvents: authenticated, understood, stored before they are acknowledged."""
