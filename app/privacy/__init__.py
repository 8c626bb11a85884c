"""What a customer may ask for: a copy of everything about them, or that it is gone."""
