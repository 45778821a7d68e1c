"""Agreement with references: scores, error maps, tables, montages."""
