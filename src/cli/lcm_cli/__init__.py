"""The ``lcm`` command line.

Nouns: a *kind* is a resource type the platform lists (workers, sessions, …); a *row* is one object in a table; a
*profile* is the saved sign-in of one platform address; a *manifest* is a YAML document that ``apply`` turns into an
object. Exit codes are listed in ``errors.py``.
"""
