"""User functions: capture, lifting to columns, and the description the engine works with.

Pure Python; nothing here needs the native module.
"""

from windrow.functions.capture import Captured, Unwrapped, capture, unwrap
from windrow.functions.describe import Description, describe
from windrow.functions.refusal import Reason, Refusal
from windrow.functions.snapshot import UnpicklableFunctionError

__all__ = [
    "Captured",
    "Description",
    "Reason",
    "Refusal",
    "UnpicklableFunctionError",
    "Unwrapped",
    "capture",
    "describe",
    "unwrap",
]
