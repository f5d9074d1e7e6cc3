"""The supervisor of ``make run``: starts, watches, restarts and stops every process of the platform.

A *process spec* says how to run one process and what must be healthy before it. The *plan* is the list of specs for
the ports and settings at hand. The *supervisor* walks the plan: what depends on nothing starts at once, the rest as
soon as its dependencies answer; a process that dies is started again with back-off; everything stops in reverse order.

Why no ready-made process manager: see ``docs/architecture/decisions``.
"""
