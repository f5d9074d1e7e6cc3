"""A Lab Delivery System: reservations over REST, a page for the learner, events to the platform.

Nouns: a *delivery session* is what the platform reserves; its *parts* each hold *devices* and one content form; the
*launch URL* is the learner's signed way in. Creation is not idempotent: two calls make two sessions.
"""
