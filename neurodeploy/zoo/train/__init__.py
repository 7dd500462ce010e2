"""Training recipes: one module per task; the committed weights come from these commands."""
