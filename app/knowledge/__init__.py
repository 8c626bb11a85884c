"""Knowledge: help articles, their paragraphs, and the search for what answers a question."""
