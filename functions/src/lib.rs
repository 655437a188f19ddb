//! The live path: the functions that run inside the clouds, and their settings.
