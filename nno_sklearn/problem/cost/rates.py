"""Rates of work, in entries of X.

Units
-----
entry
    One stored entry of X in a product with X, read at memory's speed: .4 ns of a dense X and 2.4 of
    a sparse one on the AMD EPYC, one thread, where the rates below were measured.
pass
    One product with all of X: as many entries as X stores, and :data:`ROW_WORK` for each row.
row product
    One row's outer product in a Gram matrix. The rows tell what it costs in entries
    (:attr:`Rows.row_product_cost`), as that depends on how they are stored.

``python -m benchmarks --suite costs`` measures every rate on the machine at hand, beside the one
that stands here.
"""

#: Multiplications of a factor, or of a further output of a product, in the time of an entry.
BLOCKED_SPEEDUP = 8
#: Entries that an iteration is worth however small X is: Python's own steps.
LEAST_PASS = 5e5
#: Entries in the time of a row's losses and their derivatives, along lines too.
ROW_WORK = 75
#: Entries in the time of what secants do with a coefficient in an iteration.
COEFFICIENT_WORK = 60
#: Entries in the time of comparing two rows in a search for neighbours, and of each feature in
#: that: euclidean distances are products of matrices, a user's own are Python.
COMPARISON = {"euclidean": (8.0, 0.12), "other": (45.0, 2.0), "callable": (8000.0, 0.0)}
#: Multiplications in the time of gathering an entry of X for an output, and of all looks at it.
STACK_WORK = 50
#: Entries in the time of sums over a row's or a column's numbers, beside a product.
LEAST_ROW_WORK = 3
#: An entry of a sparse X, in entries of a dense one.
SPARSE_ENTRY = 6
#: What a fit near a solved one takes, about: moments may cost as much for each of many fits.
PASSES_PER_FIT = 3.0
#: Entries in the time of one that a sweep over single coefficients reads and moves along, and of
#: Python's own steps with a coefficient.
SWEEP_ENTRY, SWEEP_WORK = 2.5, 3000
