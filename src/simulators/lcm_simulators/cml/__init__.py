"""Simulated CML controllers, good enough for the vendor's own client library.

Nouns: a *controller* is one simulated CML host, known by the id of its (simulated) instance; a *lab* holds nodes,
interfaces and links; a node's *plan* is what is still to come of its boot; a *device* is the software of a running node
with its *running configuration*; *PATty* opens the outside ports that node tags ask for. The *management API* makes and
destroys controllers and plays the person at a device's console.
"""
