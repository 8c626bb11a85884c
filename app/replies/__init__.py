"""Canned replies and labels: what a team agrees on before it works."""
