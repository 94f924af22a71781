"""The command line: the commands, and the help of each."""
