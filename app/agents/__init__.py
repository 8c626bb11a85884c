"""Agents: accounts, sign-in, roles."""
