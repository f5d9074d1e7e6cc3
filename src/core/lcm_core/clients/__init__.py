"""Clients of HTTP services with typed errors."""
