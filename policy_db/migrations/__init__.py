"""The history of the tables, one module for each step; run by `policy_db.migrate`."""
