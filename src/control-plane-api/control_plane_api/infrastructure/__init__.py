"""Adapters to the outside of the control plane."""
