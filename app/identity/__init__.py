"""Who is speaking: tokens that a company's own server signs, and the contacts they stand for."""
