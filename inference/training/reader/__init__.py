"""Training of the reader: does a paragraph answer a question, and which sentence of it?"""
