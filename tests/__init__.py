"""The tests are a package so that `python -m tests.benchmarks` and `tests.fakes` are found."""
