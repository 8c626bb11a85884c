"""A checkpoint as llama.cpp reads it, by llama.cpp's own converter.

`python benchmarks/peer_gguf.py LLAMA_SOURCE CHECKPOINT OUT.gguf bf16|q8_0`, run by a Python that
has torch, transformers and sentencepiece. The converter knows tokenizers by a hash and refuses all
others; for measuring, ours passes for GPT-2's: ids are given, so none is ever asked for text.
"""

import importlib
import runpy
import sys


def main() -> None:
    """Convert."""
    source, checkpoint, out, kind = sys.argv[1:]
    sys.path[:0] = [source, f"{source}/gguf-py"]
    base = importlib.import_module("conversion.base")
    base.TextModel.get_vocab_base_pre = lambda _model, _tokenizer: "gpt-2"
    sys.argv = ["convert_hf_to_gguf.py", checkpoint, "--outfile", out, "--outtype", kind]
    runpy.run_path(f"{source}/convert_hf_to_gguf.py", run_name="__main__")


if __name__ == "__main__":
    main()
