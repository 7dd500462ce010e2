"""Files and streams of the ESC codec: 16 kHz mono in, `.esc` out, and back."""
