"""The pages in Streamlit: a session from set-up to end, clients, protocols, past sessions."""
