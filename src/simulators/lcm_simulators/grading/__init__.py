"""A grading engine: takes evidence and a rubric, answers with a score report.

Nouns: a *job* is one grading session; its *evidence* are files in S3 named by a manifest; its *report* holds a section
for each section of the rubric. The same idempotency key always names the same job.
"""
