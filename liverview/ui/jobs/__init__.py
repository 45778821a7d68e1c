"""Work behind the window: the only threads, and the generators that they run."""
