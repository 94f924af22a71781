"""The settings: ORCHESTRATOR_* variables, uvicorn's own, the app that pyproject.toml names; and their validation."""
