"""What lies in the data folder, as endpoints: clients, protocols, sensors, sessions."""
