"""An exam morning on the whole platform: from no machine at all to every score stored and every machine off."""
