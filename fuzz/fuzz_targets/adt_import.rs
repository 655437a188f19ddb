#![no_main]

#[path = "../src/adt_import.rs"]
mod adt_import;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    adt_import::adt_import(input);
});
