"""What people read: the text of failures and steps, and the display of a run while it goes on."""
