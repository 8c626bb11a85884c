"""Answers: the bot's turn, from a customer's message to a cited answer or a human."""
