"""Recording a session to one XDF file as it happens, and reading it back."""
