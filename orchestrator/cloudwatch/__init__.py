"""CloudWatch's view of the events: its filter pattern language, and the CloudFormation template that uses it."""
