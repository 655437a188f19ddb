# Every recipe is one line that a person could type; CI runs the same ones.

# Deploys the example to the local cloud.
run:
    cargo run -- run examples/factory

# The README's test command.
test:
    cargo test --workspace

# What CI checks besides the tests.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Licences and advisories (needs cargo-deny).
deny:
    cargo deny check

# The journal beside a plain fdatasync loop and SQLite; what journaling adds to a step.
bench:
    cargo bench -p twinctl-journal --features bench-sqlite
    cargo bench -p twinctl-engine --features sweep
