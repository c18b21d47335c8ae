"""The pages: a module for each noun, with what it shows and what it lets one do."""
