"""What the bot does: use cases, and the doors to the outside."""
