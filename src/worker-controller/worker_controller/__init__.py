"""Owns the truth about machines: EC2, CML system and licence."""
