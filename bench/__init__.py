"""What Majordomo costs, as ratios measured in one run. See README.md beside this file."""
