"""Strangers' input: every parser that reads some, fed with what it was not made for."""
