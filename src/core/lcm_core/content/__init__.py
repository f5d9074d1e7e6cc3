"""Content of a lab definition: packages, rubrics, and the safe reading of files that strangers wrote.

Nouns: a *package* is a zip with ``cml.yaml`` (the topology), and optionally ``content.xml`` (devices the learner sees),
``rubric.yaml`` (how the result is graded), ``mosaic_meta.json`` (where it came from), ``tasks/`` and ``assets/``.
"""
