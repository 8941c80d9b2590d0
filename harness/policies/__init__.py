"""What answers observations with actions, one file a back end."""
