"""The license of a CML: registered before a worker serves, watched while it does, returned before it ends."""
