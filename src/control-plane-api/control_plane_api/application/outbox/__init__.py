"""The outbox dispatcher."""
