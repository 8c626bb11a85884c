"""What a shop embeds, the demo shop that embeds it, and the articles its answers cite."""
