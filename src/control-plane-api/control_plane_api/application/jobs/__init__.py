"""Periodic jobs: each issues commands; what they ask of AWS or CML is carried out by controllers."""
