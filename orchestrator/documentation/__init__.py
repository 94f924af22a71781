"""The documentation that is made from the code: settings, events, and the JSON Schema of the lines."""
