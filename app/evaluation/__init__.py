"""How good the answers are: a set of questions, the product's own pipeline, figures with intervals.

Nothing here is a row or a page, so the folder has no repository, router or schemas.
"""
