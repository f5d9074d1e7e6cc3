"""Identity of services: obtaining tokens and verifying them."""
