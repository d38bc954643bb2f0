"""What a tuned model has to show before it may be promoted."""
