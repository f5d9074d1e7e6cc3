"""Wire models: everything that crosses a process boundary, as pydantic models shared by both ends."""
