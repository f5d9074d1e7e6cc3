"""Parts of ``make demo``: a content package, a learner, and the lines that tell how far things are."""
