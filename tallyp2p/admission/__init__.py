"""Who may take part, and how they come to: key files, charters, invitations."""
