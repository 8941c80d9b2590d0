"""The Piper arm on a table: scenes, tasks and control in MuJoCo."""
