"""The errors of protocols, one tree.

ProtocolError
├── UnknownProtocolError    no built-in protocol and no file of that name
└── InvalidProtocolError    a protocol that cannot be used; one line for each fault, with file and line
"""

from typing import NamedTuple


class ProtocolError(Exception):
    """Anything that is wrong with a protocol."""


class UnknownProtocolError(ProtocolError):
    """No built-in protocol and no file of that name; the message lists those there are."""


class InvalidProtocolError(ProtocolError):
    """A protocol that cannot be used; each line of the message names file, line, field and remedy."""


FieldPath = tuple[str | int, ...]
"""Keys and indices that lead to a field of a protocol."""


class FieldFault(NamedTuple):
    """The path to a field, and what is wrong with it and would be right."""

    path: FieldPath
    message: str
