"""Who calls: adapters of the identity provider."""
