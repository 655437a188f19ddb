//! A scripted service for tests.
