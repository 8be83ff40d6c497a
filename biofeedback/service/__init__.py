"""The engine as a service: a session on the main thread, HTTP and WebSockets on 127.0.0.1 in another."""
