"""The virtual listener: heart, skin and breath of somebody who rests, and who hears."""

from acquisition.listener.persona import PERSONAS, Persona
from acquisition.listener.virtual import VirtualListener

__all__ = ["PERSONAS", "Persona", "VirtualListener"]
