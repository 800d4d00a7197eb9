"""Inside a notebook's process: prompts, tables, records of its cells."""
