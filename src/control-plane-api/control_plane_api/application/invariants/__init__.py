"""What must hold at every instant, as code: pure checks of a recorded picture, run in production and in tests.

A *picture* is what the database and etcd hold, as frozen facts. An *invariant* is a named pure function from a picture
to *violations*, each one sentence with the numbers. ``catalog`` lists them, ``facts`` makes facts of wire models.
"""
