"""The application, against a real MariaDB, a real Redis or Valkey, and moto's Systems Manager and Secrets Manager."""
