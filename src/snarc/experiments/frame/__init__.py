"""What every experiment shares: budgets, claims, findings, and how they are run and kept."""
