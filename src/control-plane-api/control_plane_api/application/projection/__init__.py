"""Projection of aggregates to etcd."""
