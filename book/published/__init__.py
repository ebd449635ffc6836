"""Published results, run again with nnlib: what ``make published`` runs.

A family of experiments a module, each a few `row.Row`; `record` runs one over several
seeds and writes what came out into ``results``, which the pages read.
"""
