"""Tokens by the hundred thousand: the same digits as the modules above, a whole column at a time.

`campaign` changes the keys of a list of meters; `tokens`, `key_change` and `derive` are the
steps. Needs numpy (the extra `bulk`); nothing outside this package imports it.
"""

from __future__ import annotations

from posapp.errors import ConfigError

try:
    import numpy as _numpy  # noqa: F401
except ImportError:
    raise ConfigError("BULK_MISSING", package="numpy") from None
