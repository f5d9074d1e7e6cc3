"""The instances: what each is, where it stands in its life, and where that is stored.

Nouns: a *transient* state ends by itself at `state_due`; the *power* of an instance is what the CML simulator was last
told; an *impairment* makes its status checks fail; a *run* is a span of time in which it was running.
"""
