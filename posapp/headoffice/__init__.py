"""Head office: takes every till's journal, sends customers, meters, tariffs and leases.

`app` answers over HTTP, `office` opens the folder, `branch` judges a push, `admin` and
`imports` are what people do; facts are stored raw first and projected after.
"""
