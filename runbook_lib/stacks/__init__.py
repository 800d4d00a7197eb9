"""From parameters to resources: one stack for each notebook."""
