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

# The functions' program for Azure (Linux of 2014 or later on x86-64), beside a release build of twinctl; needs `pip install cargo-zigbuild ziglang`.
package:
    cargo build --release -p twinctl
    cargo zigbuild --release -p twinctl-twin-functions --target x86_64-unknown-linux-gnu.2.17
    cp target/x86_64-unknown-linux-gnu/release/twin-functions target/release/twin-functions-x86_64-linux

# The same for arm64 (needs `rustup target add aarch64-unknown-linux-gnu` too).
package-arm64:
    cargo zigbuild --release -p twinctl-twin-functions --target aarch64-unknown-linux-gnu.2.17
    cp target/aarch64-unknown-linux-gnu/release/twin-functions target/release/twin-functions-aarch64-linux
