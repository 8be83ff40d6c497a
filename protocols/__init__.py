"""What is asked of the music, when, and under which conditions."""
