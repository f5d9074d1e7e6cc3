"""Load of the workers: CML pushes or is asked, CloudWatch is asked in batches, one report carries all samples."""
