"""Help texts of options that several commands have."""

from __future__ import annotations

INPUT = (
    "(T, ...) or (T, B, ...) in .npy or .npz (one array, or one per Input node), or NIRData (.nir)"
)
REPAIR = "mend what has one meaning only, such as edges that name no node; each is said"
