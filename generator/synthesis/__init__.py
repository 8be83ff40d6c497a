"""From notes and controls to sound: instruments, nature sounds, loudness and safety."""
