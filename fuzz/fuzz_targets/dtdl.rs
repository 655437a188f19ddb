#![no_main]

#[path = "../src/dtdl.rs"]
mod models;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    models::check(input);
});
