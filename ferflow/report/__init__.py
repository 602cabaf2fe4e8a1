"""How each claim stands, and the reports that say so."""
