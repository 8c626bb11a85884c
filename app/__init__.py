"""The application: people, conversations, pages. It knows `inference` only through its door."""
