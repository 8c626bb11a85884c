"""Asking the bot before customers do: many questions, or one article that is not published yet."""
