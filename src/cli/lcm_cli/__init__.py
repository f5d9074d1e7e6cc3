"""The lcm command-line client."""
