"""The page a therapist or clinician reviews after a session.

The modules are imported one by one: those that draw need seconds to load.
"""

from pathlib import Path

END = b"</html>"
"""With which a report ends."""


def is_complete(path: Path) -> bool:
    """Return whether a report is there, to its end; versions up to 0.1 could leave a half one behind."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 64))
            return file.read().rstrip().endswith(END)
    except OSError:
        return False
