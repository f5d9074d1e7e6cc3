"""Machinery under the aggregates: documents, repositories, mediation, composition."""
