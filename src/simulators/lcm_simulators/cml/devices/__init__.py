"""The software of simulated devices.

A *configuration* is kept as the lines a person wrote, in sections; typed lines are merged into it the way the device
would. *Show commands* are answered from the configuration and the topology, at the level a regular expression looks at.
"""
