"""What a ticket is about and how urgent it is, with a reply to suggest; rules, no model."""
