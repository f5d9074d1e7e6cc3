"""The life of a worker: observe the machine, decide purely, act thinly.

*Facts* are what was seen of the machine and its bookings at one instant. A *decision* is what follows from a worker's
wanted state and the facts: a move along the state table, or one *step* outside, or waiting with a reason. A *concern*
is a reason for an operator task; it is open as long as decisions name it.
"""
