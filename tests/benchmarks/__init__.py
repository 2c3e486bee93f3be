"""Speed as ratios: each benchmark measures ours and its limit in the same run.

`python -m tests.benchmarks [NAME...] [--json FILE]` finds every bench_<file>.py here.
"""
