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

# Queries of the local cloud's twins, over 100,000 of them and in a dense graph.
bench-query:
    cargo bench -p twinctl-local --bench query

# Pushes per second, their latency and cost, cold start, memory, device to twin.
bench-live:
    cargo build --release -p twinctl -p twinctl-twin-functions
    cargo bench -p twinctl-tests --bench live

# A million twins loaded by an import job: rates, memory, PATCH latency, restart, beside references of the same run.
bench-adt *args:
    cargo bench -p twinctl-local --bench adt -- {{args}}

# Fuzzes one target for so many seconds. The flags are cargo-fuzz's, without a sanitizer: those would need a nightly compiler, and
# there is no unsafe code of ours for them to watch.
fuzz target seconds="60":
    mkdir -p fuzz/found/{{target}}
    RUSTC_BOOTSTRAP=1 RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Ccodegen-units=1" cargo build --manifest-path fuzz/Cargo.toml --target-dir fuzz/target --target x86_64-unknown-linux-gnu --config profile.dev.opt-level=1 --config profile.dev.debug=0
    fuzz/target/x86_64-unknown-linux-gnu/debug/{{target}} -max_total_time={{seconds}} -print_final_stats=1 -timeout=10 -artifact_prefix=fuzz/found/ fuzz/found/{{target}} fuzz/corpus/{{target}}

# The functions' program for Azure and AWS (Linux of 2014 or later on x86-64), beside a release build of twinctl; needs `pip install cargo-zigbuild ziglang`.
package:
    cargo build --release -p twinctl
    cargo zigbuild --release -p twinctl-twin-functions --target x86_64-unknown-linux-gnu.2.17
    cp target/x86_64-unknown-linux-gnu/release/twin-functions target/release/twin-functions-x86_64-linux

# The same for arm64 (needs `rustup target add aarch64-unknown-linux-gnu` too).
package-arm64:
    cargo zigbuild --release -p twinctl-twin-functions --target aarch64-unknown-linux-gnu.2.17
    cp target/aarch64-unknown-linux-gnu/release/twin-functions target/release/twin-functions-aarch64-linux
