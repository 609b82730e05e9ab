"""The managed platform's loop on one machine: jobs and services behind the calls of its API."""
