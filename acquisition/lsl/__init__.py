"""Lab Streaming Layer (LSL): streams of samples and of markers from other programs on the network."""
