"""ACM: certificates that are issued after a while."""
