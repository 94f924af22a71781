"""What all parts of the process share: its states, the stop, signals, threads, and its limits."""
