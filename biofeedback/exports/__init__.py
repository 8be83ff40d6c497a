"""Sessions in open formats, de-identified by default, and the check that proves it."""

from typing import Literal, get_args

Format = Literal["csv", "parquet", "bids", "edf", "midi", "audio"]
FORMATS: tuple[Format, ...] = get_args(Format)

SCOPE = "research"
"""What a client must have agreed to before a session may leave."""
