"""Step through AWS changes in notebooks: plan, apply, verify, destroy."""
