"""Handoff: from the bot to the queue, to a human, and back."""
