"""First step."""


def show() -> None:
    """Show it."""
