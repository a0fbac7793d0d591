"""What `majordomo doctor` looks at, one subject a module. Looking changes nothing."""
