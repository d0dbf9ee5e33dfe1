"""What stands between stolcke and the programs that generate texts with it."""
