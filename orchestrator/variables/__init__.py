"""Environment variables: how one is defined, parsed and checked. The settings and the logins are made of them."""
