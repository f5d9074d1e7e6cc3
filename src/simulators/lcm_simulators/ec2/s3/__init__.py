"""S3, kept on disk: buckets, objects, listings, conditional writes, checksums, presigned addresses, uploads in parts.

Every object is one file that is replaced at once, so that a killed process leaves the old or the new one. What S3 has
beyond that (versions, policies, tagging, lifecycle) is answered with NotImplemented rather than pretended.
"""

from lcm_simulators.ec2.s3.service import S3

__all__ = ["S3"]
