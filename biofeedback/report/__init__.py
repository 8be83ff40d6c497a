"""The page a therapist or clinician reviews after a session, and the numbers on it.

Numbers can be had without the page and what draws it: import from the modules.
"""
