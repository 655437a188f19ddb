//! The Digital Twins Definition Language: models with spans, validation.
