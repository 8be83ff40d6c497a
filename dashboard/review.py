"""To come."""


def page() -> None:
    """Show it."""
