"""The frame of the agents' pages beside the inbox: who may, forms, charts."""
