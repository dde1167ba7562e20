"""How a dataset of a million samples behaves beside one of a tenth of that: time, memory, growth."""
