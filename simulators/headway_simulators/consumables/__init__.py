"""How consumables wear over simulated years: the recorded days of a vehicle, one after the other, again and again."""
