"""The logins for the database: from DATABASE_* to one login for the app and one for migrating."""
