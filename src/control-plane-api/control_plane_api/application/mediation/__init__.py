"""How commands and queries reach their handlers."""
