"""The dialect of OpenAI's API, for programs that speak nothing else."""
