"""posapp: a till for prepaid electricity that goes on selling without a line.

Start at the README's map of folders; `posapp.ports` names every seam between the parts.
"""

__version__ = "0.1.0"
