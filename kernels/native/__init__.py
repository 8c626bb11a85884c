"""CPU kernels in C++, loaded by ctypes; without a compiler all runs on torch alone.

Torch runs a layer as some thirty small calls, each of which costs more than its work at the row
counts of decoding. `decoder.py` runs a whole forward pass in one call; `attention.py` is for models
whose other parts stay in torch.
"""
