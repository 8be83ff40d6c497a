"""``python -m biofeedback``."""

from biofeedback.cli import main

if __name__ == "__main__":
    main()
