"""Audio in and features out; numpy only, except for file formats and resampling."""
