"""All targets."""
