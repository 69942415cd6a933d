"""From the configuration to the settings of each part."""
