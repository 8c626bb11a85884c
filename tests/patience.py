"""How long tests wait for what must happen: long enough for a machine that others use."""

PATIENCE_S = 120.0
"""Whoever waits goes on at once when it has happened, so only a failure takes so long."""
