"""How well customers are served: volume, automation, first replies, hand-offs, ratings, gaps."""
