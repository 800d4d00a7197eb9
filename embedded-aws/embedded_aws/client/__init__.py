"""What other processes use of a server: its calls, its start and its end."""
