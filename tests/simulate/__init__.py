"""The whole platform in one process against an in-memory world, in virtual time, replayable by seed.

Nouns: a *run* is one seed from an empty installation to quiescence. *Real seconds* are those of the platform's own
delays (leases, retries); the loop jumps over them. *Domain time* is that of slots and boots and goes ``FACTOR`` times
faster. A *process* is one replica of a service: it can be killed, and every connection it holds dies with it. The
*weather* decides which calls fail, are answered too late or not at all.
"""
