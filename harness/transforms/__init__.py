"""Between what an environment shows and what a checkpoint wants: small steps that are composed in groups."""
