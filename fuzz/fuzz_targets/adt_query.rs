#![no_main]

#[path = "../src/adt_query.rs"]
mod adt_query;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    adt_query::adt_query(input);
});
