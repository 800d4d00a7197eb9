"""ElastiCache: replication groups with real servers behind them."""
