"""Authorization: one table and the functions that read it."""
