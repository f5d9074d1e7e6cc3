"""Puts the control plane together: stores, handlers, background work, the web application."""
