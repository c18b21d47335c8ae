"""What can be wrong with what is declared: from sections to problems."""
