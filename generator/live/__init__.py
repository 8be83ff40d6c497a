"""The live player: composer and pyo in a process of their own, and what they played when."""
