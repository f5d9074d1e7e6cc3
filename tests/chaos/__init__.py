"""Chaos: the whole platform under seeded faults, while people use it, and what must hold all the same.

Nouns: a *run* is one seed on one platform. Its *schedule* says which *fault* strikes when; the *adversary* carries it
out. The *users* do what people do and write every operation into the *history*. A *picture* is everything that the
stores and the outside world hold at an instant; a *violation* is a sentence about a picture or the history that must
never be true. After the faults the platform has a minute to come to *rest*.
"""
