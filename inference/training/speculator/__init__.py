"""Training a speculator for a base model, in two phases: on real text, then on the base's own.

The recipe is IBM's (Wertheimer et al. 2024, arXiv:2404.19124; fms-fsdp). `command.py` runs it all.
"""
