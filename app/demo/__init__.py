"""Demo: Fernhill Supply, an invented shop, with articles, agents and conversations."""
