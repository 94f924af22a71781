"""The port: the probes, the answers until the app serves, and the app behind uvicorn's server."""
