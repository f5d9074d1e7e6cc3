"""The EC2 actions that the world answers itself; every other one goes to moto."""

from lcm_simulators.ec2.operations.registry import OPERATIONS, Operation, answers

__all__ = ["OPERATIONS", "Operation", "answers"]
