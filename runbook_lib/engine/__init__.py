"""Survey, plan, approval, apply, verify, destroy: the only code that decides and changes."""
