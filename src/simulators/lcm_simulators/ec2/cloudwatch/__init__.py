"""Metrics of the namespace AWS/EC2, derived from the load that the CML simulator reports.

Nouns: a *sample* is the load of one instance at an instant; a *point* is one published value: every five minutes, or
every minute with detailed monitoring (status checks always every minute), for the time in which the instance ran.
Samples are taken when somebody asks for metrics, never in between, so that an idle world costs nothing; a point shows
the last sample before its end. Other namespaces and alarms are moto's.
"""

from lcm_simulators.ec2.cloudwatch.metrics import CloudWatch

__all__ = ["CloudWatch"]
