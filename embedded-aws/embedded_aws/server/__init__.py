"""The server process: AWS's calls over HTTP, faults, game days and the clock."""
