"""Discovery: instances that no worker accounts for.

An *orphan* carries the worker tag of a worker that is gone or unknown. A *stranger* runs from a CML image, carries no
tag, and may be imported. The other direction, workers whose instance is gone, is seen in each worker's own reconcile.
"""
