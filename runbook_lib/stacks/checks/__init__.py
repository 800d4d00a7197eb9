"""Claims about the running system that no single resource can show."""
