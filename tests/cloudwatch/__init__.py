"""What judges the CloudFormation: rules for cfn-lint, and a checker of Logs Insights queries."""
