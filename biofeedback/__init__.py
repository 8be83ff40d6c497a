"""The closed loop: engine, controller, session, recording, report, command line."""
