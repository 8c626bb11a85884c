"""Training of the shipped model: tokenizer, base stage, chat stage, export, evaluation.

Run it with `python -m inference.training --help`; docs/training.md tells the story.
"""
