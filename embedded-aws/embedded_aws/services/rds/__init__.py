"""RDS: instances with real servers behind them, and their groups."""
