"""The scripted expert for LIBERO: skills that are put together by what a task's goal says."""
