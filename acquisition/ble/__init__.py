"""Bluetooth Low Energy devices."""
