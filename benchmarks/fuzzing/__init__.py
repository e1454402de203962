"""Random problems, and an oracle that shares no code with the package, for its claims.

``problems`` draws them, ``oracle`` knows the objective in extended precision, ``checks`` judges
fits by it. The suite "robustness" runs thousands, ``tests/benchmarks/test_fuzzing.py`` some.
"""
