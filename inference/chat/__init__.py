"""How messages become one text of the layout's own words and of what people said."""
