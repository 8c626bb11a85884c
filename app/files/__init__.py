"""Files in conversations: what may be sent, where the bytes lie, who may have them back."""
