"""What CloudWatch makes of the events: its filter pattern language, and the CloudFormation that uses it."""
