"""Benchmarks: each figure beside the machine's floor or a peer, measured in the same run."""
