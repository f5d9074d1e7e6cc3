"""EC2, CloudWatch and S3 of a simulated account, behind one URL, in front of moto.

Nouns: the *fleet* holds the instances; an instance carries a simulated CML controller once it runs, on a loopback
address of its own; *conditions* are how the world behaves as a whole (shortages, limits, consistency, throttling); the
*catalog* is what it offers. What moto lacks is answered here: time, client tokens, images, refusals, metrics,
persistence. Every other call is moto's.
"""

from lcm_simulators.ec2.app import create_app
from lcm_simulators.ec2.settings import Ec2Settings

__all__ = ["Ec2Settings", "create_app"]
