"""What `vinkki` does, one module a command; `api.cli` imports each only when it runs."""
