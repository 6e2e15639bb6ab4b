"""What happened and what it means: events, the fold, and the log that keeps them."""
