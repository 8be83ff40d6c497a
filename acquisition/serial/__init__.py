"""Serial devices: device profiles, byte parsers, ports, and an emulator of every device."""
