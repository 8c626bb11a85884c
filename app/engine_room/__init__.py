"""What the engine does, drawn: live figures, and who drafted the words of an answer."""
