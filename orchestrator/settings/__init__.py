"""The settings: the ORCHESTRATOR_* variables, uvicorn's own, what the project's files say; and their validation."""
