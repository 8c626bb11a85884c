"""Processes of other engines, and of ours, that the benchmarks talk to.

A folder of their own, for a script finds its neighbours first: `benchmarks/kernels.py` would stand
before the package of that name.
"""
