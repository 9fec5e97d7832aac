"""The real clients, offline, against stand-ins for the services they talk to. See conftest.py for the fixtures."""
