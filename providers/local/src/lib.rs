//! The local cloud: Azure's own HTTP interfaces, served on loopback.
