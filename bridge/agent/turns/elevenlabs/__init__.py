"""An agent of ElevenLabs, in the part of the vendor."""
