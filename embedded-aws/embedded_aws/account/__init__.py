"""The state of the account: moto's backends, and how they are saved and loaded."""
