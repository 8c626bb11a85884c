"""The customers of a company as other systems know them."""
