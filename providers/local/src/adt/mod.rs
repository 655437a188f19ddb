//! The Azure Digital Twins data plane.
