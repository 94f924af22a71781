"""The settings: every ORCHESTRATOR_* variable, uvicorn's own, what the project's files say, and the validation of all."""
